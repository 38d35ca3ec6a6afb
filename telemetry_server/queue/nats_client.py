"""Connects to NATS, and asks its JetStream API.  Needs the extra `nats`."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any

import orjson

from telemetry_server.queue.errors import BrokerAway, QueueError, QueueRefused
from telemetry_server.queue.queue_url import QueueUrl

CONNECT_SECONDS = 5
ANSWER_SECONDS = 5.0
RETRY_SECONDS = 0
CUT_TRIES = 5
PING_SECONDS = 10
MAX_PINGS = 2
NO_SUCH_STREAM = 10059
TEMPORARY_CODES = frozenset({500, 503})


class _Cut(BrokerAway):
    """The connection was closed before it was ready."""


def _says_something(record: logging.LogRecord) -> bool:
    """Return False for what asyncio says about every TLS connection of nats-py at its end."""
    return "eof_received" not in record.getMessage()


async def connected(url: QueueUrl, on_lost: Callable[[str], None]) -> Any:
    """
    Return a client that is connected and does not connect again by itself.

    Args:
        on_lost: Called when the connection is lost.

    Raises:
        BrokerAway, QueueRefused: It cannot be connected.
    """
    for _ in range(CUT_TRIES - 1):
        try:
            return await _connected(url, on_lost)
        except _Cut:
            # A server that refuses closes the connection, so its answer may be lost.
            continue
    return await _connected(url, on_lost)


async def _connected(url: QueueUrl, on_lost: Callable[[str], None]) -> Any:
    logging.getLogger("asyncio").addFilter(_says_something)
    client = _client(url)

    async def lost() -> None:
        on_lost(f"{url.shown}: the connection was lost")

    problems: list[Exception] = []

    async def failed(error: Exception) -> None:
        problems[:] = [error]
        if "permissions violation" in str(error).lower():
            on_lost(f"{url.shown}: {_line(error)}")

    try:
        await asyncio.wait_for(
            client.connect(
                servers=[f"nats://{host}" for host in url.hosts],
                name="telemetry-server",
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=RETRY_SECONDS,
                connect_timeout=CONNECT_SECONDS,
                ping_interval=PING_SECONDS,
                max_outstanding_pings=MAX_PINGS,
                disconnected_cb=lost,
                error_cb=failed,
                **_security(url),
            ),
            CONNECT_SECONDS + 1,
        )
    except QueueError:
        await close_client(client)
        raise
    except Exception as error:
        await close_client(client)
        # That no server is left says less than why the last one was not reached.
        raise _connect_error(url, problems[0] if problems else error) from None
    return client


def _client(url: QueueUrl) -> Any:
    """
    Return a client that sends nothing in plain text if *url* wants TLS.

    nats-py itself uses TLS only where the server requires it, and else sends the credentials in plain text.
    """
    from nats.aio.client import Client

    client: Any = Client()
    if not url.uses_tls:
        return client
    read_info = getattr(client, "_process_info", None)
    if read_info is None:
        raise QueueRefused("this version of nats-py is not supported: install nats-py 2.16")

    async def read_info_of_tls(info: dict[str, Any], initial_connection: bool = False) -> None:
        if initial_connection and not info.get("tls_required"):
            if not info.get("tls_available"):
                raise QueueRefused(f"{url.shown}: the server offers no TLS; nothing was sent to it")
            info["tls_required"] = True  # nats-py reads it next, and starts TLS
        await read_info(info, initial_connection)

    client._process_info = read_info_of_tls
    return client


async def close_client(client: Any) -> None:
    """Close *client*, whatever state it is in."""
    try:
        await asyncio.wait_for(client.close(), CONNECT_SECONDS)
    except Exception:
        return


def _security(url: QueueUrl) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if url.uses_tls:
        try:
            options["tls"] = ssl.create_default_context(
                cafile=None if url.ca_file is None else str(url.ca_file)
            )
        except (OSError, ssl.SSLError) as error:
            raise QueueRefused(f"queue_ca_file: {url.ca_file} cannot be used: {_line(error)}") from None
    if url.creds_file is not None:
        options["user_credentials"] = str(url.creds_file)
    elif url.token:
        options["token"] = url.token
    elif url.user:
        options |= {"user": url.user, "password": url.password}
    return options


def _connect_error(url: QueueUrl, error: Exception) -> QueueError:
    text = f"{url.shown}: {_line(error)}"
    if isinstance(error, ssl.SSLError | ImportError) or "authorization" in text.lower():
        return QueueRefused(text)
    if isinstance(error, BrokenPipeError | ConnectionResetError):
        return _Cut(text)
    return BrokerAway(text)


def _line(error: Exception) -> str:
    """Return an error in one line; those of libraries may have no text."""
    return " ".join(str(error).split()) or type(error).__name__


async def ask(
    client: Any, url: QueueUrl, subject: str, question: dict[str, Any] | None = None
) -> dict[str, Any]:
    """
    Return the answer of the JetStream API.

    Raises:
        BrokerAway: No answer comes, or the API is not available now.
        QueueRefused: The API refuses.
    """
    try:
        answer = await client.request(
            f"$JS.API.{subject}", b"" if question is None else orjson.dumps(question), timeout=ANSWER_SECONDS
        )
        fields: dict[str, Any] = orjson.loads(answer.data)
    except Exception as error:
        raise BrokerAway(f"{url.shown}: JetStream does not answer ({_line(error)})") from None
    problem = fields.get("error")
    if problem is None:
        return fields
    text = f"{url.shown}: {problem.get('description', 'refused')}"
    if problem.get("code") in TEMPORARY_CODES:
        raise BrokerAway(text)
    raise QueueRefused(text)
