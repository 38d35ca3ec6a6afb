"""A client that costs little: requests built beforehand, on connections that stay open."""

import asyncio
import time
from dataclasses import dataclass
from uuid import UUID

CONNECTIONS = 32


class WrongAnswer(Exception):
    """The server did not say 200."""


@dataclass(frozen=True, slots=True)
class Burst:
    """One burst of requests."""

    requests: int
    seconds: float
    latencies_ms: list[float]  # sorted


async def burst(port: int, body: bytes, requests: int, first_id: int) -> Burst:
    """
    POST *body* *requests* times over `CONNECTIONS` connections, each time under a new id.

    Raises:
        WrongAnswer: An answer was not 200.
    """
    numbers = iter(range(first_id, first_id + requests))
    latencies: list[float] = []

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            document_id = UUID(int=number, version=4)
            head = (
                f"POST /submit/telemetry/{document_id}/main/Firefox/56.0/release/20170928000000 HTTP/1.1\r\n"
                f"Host: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n"
                "Content-Encoding: gzip\r\nUser-Agent: bench\r\n\r\n"
            )
            sent = time.perf_counter()
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            latencies.append((time.perf_counter() - sent) * 1000)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise WrongAnswer(answer.split(b"\r\n", 1)[0].decode())
        writer.close()
        await writer.wait_closed()

    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(one_connection())
    return Burst(requests, time.perf_counter() - start, sorted(latencies))
