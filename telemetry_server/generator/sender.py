"""Sends generated pings to a server, like several clients at once."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from telemetry_server.generator.stream import GeneratedPing
from telemetry_server.terminal.output import Progress

SECONDS_FOR_AN_ANSWER = 30.0


class ServerUnreachable(Exception):
    """The server does not answer.  The text is one line for the user."""


async def send_all(
    server: str, pings: Iterator[GeneratedPing], clients: int, bar: Progress
) -> dict[int, int]:
    """
    POST all pings to *server*, *clients* at a time.

    Returns:
        How often the server answered with each status.

    Raises:
        ServerUnreachable: A connection failed.
    """
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ServerUnreachable(f"{server} is not the URL of a server; write it like http://127.0.0.1:8080")
    base = server.rstrip("/")
    answers: Counter[int] = Counter()
    headers = {
        "Content-Encoding": "gzip",
        "Content-Type": "application/json",
        "User-Agent": "telemetry-server",
    }
    timeout = aiohttp.ClientTimeout(total=SECONDS_FOR_AN_ANSWER)

    async def client(session: aiohttp.ClientSession) -> None:
        for ping in pings:
            url = URL(base + ping.path, encoded=True)
            # With this header aiohttp sends the body unchanged.
            async with session.post(url, data=ping.body, headers=headers) as response:
                answers[response.status] += 1
            bar.advance()

    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(clients):
                group.create_task(client(session))
    except* (aiohttp.ClientError, TimeoutError, OSError) as errors:
        reason = _reason_of(errors.exceptions[0])
        raise ServerUnreachable(f"{server} does not answer: {reason}; is the server running?") from None
    return dict(answers)


def _reason_of(error: BaseException) -> str:
    # aiohttp repeats the address, and adds details of its own.
    cause = getattr(error, "os_error", error)
    number = getattr(cause, "errno", None) or 0
    return os.strerror(number) if number > 0 else str(error) or type(error).__name__
