"""A server to compare with: httptools, and one append and one fdatasync on the loop for all that waits."""

import asyncio
import os
import socket
from pathlib import Path
from typing import cast

import httptools

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class BareFile:
    """Appends bodies to a file, and syncs once a turn of the loop."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._loop = asyncio.get_running_loop()
        self._bodies: list[bytes] = []
        self._waiting: list[asyncio.Transport] = []

    def keep(self, body: bytes, transport: asyncio.Transport) -> None:
        """Answer on *transport* when *body* is on disk."""
        if not self._bodies:
            self._loop.call_soon(self._commit)
        self._bodies.append(body)
        self._waiting.append(transport)

    def _commit(self) -> None:
        bodies, waiting = self._bodies, self._waiting
        self._bodies, self._waiting = [], []
        os.write(self._descriptor, b"".join(bodies))
        os.fdatasync(self._descriptor)
        for transport in waiting:
            transport.write(ANSWER)


class BareProtocol(asyncio.Protocol):
    """One connection: no limits, no deadlines, no metadata."""

    def __init__(self, file: BareFile | None) -> None:
        self._file = file
        self._parser = httptools.HttpRequestParser(self)
        self._parts: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Parse."""
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """Collect a part of the body."""
        self._parts.append(body)

    def on_message_complete(self) -> None:
        """Keep the body; a request without one is answered at once."""
        parts, self._parts = self._parts, []
        if self._file is None or not parts:
            self._transport.write(ANSWER)
        else:
            self._file.keep(parts[0] if len(parts) == 1 else b"".join(parts), self._transport)


async def listen_bare(listener: socket.socket, keep_in: Path | None, worker: int) -> None:
    """Serve until killed."""
    file = None
    if keep_in is not None:
        keep_in.mkdir(parents=True, exist_ok=True)
        file = BareFile(keep_in / f"{worker}.bodies")
    await asyncio.get_running_loop().create_server(lambda: BareProtocol(file), sock=listener, backlog=1024)
    await asyncio.Event().wait()
