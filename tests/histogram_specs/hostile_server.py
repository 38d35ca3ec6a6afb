"""A server on loopback that gives bad answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Answer = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class HostileServer:
    """The address of the server, and the requests that it received."""

    url: str
    paths: list[str] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def serving(answer: Answer, port: int = 0) -> AsyncIterator[HostileServer]:
    """Answer every request with *answer(path, writer)*, then close the connection."""
    record = HostileServer("")
    busy: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        busy.add(asyncio.current_task())  # type: ignore[arg-type]
        record.connections += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode()
            record.paths.append(path)
            await answer(path, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client or the test has ended
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    record.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield record
    finally:
        server.close()
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)


def status(code: int, body: bytes = b"", *headers: str) -> Answer:
    """Return a complete answer with this status."""

    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {code} X", f"Content-Length: {len(body)}", "Connection: close", *headers]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)

    return answer


def cut_off(body: bytes, announced_bytes: int) -> Answer:
    """Return an answer that ends before its Content-Length."""

    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {announced_bytes}\r\n\r\n".encode() + body)

    return answer


def unannounced(body: bytes) -> Answer:
    """Return an answer without Content-Length, which ends with the connection."""

    async def answer(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)

    return answer


async def hang(_: str, writer: asyncio.StreamWriter) -> None:
    """Accept the request and never answer."""
    await asyncio.sleep(3600)


async def hang_up(_: str, writer: asyncio.StreamWriter) -> None:
    """Accept the request and close the connection."""


async def endless(_: str, writer: asyncio.StreamWriter) -> None:
    """Send 50 MB of spaces."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    for _number in range(800):
        writer.write(chunk)
        await writer.drain()
    writer.write(b"0\r\n\r\n")
