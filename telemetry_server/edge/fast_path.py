"""
The fast path of plain submits, on which every connection begins.

It answers what `plain_head` reads, with the same limits and counts as aiohttp's side.  Anything else,
and every refusal that needs no body, goes to aiohttp with all bytes that arrived; the connection then
stays there until it closes.
"""

import asyncio
from time import time

from storage.raw.writer import RawWriter
from telemetry_server.edge import responses
from telemetry_server.edge.edge import Edge
from telemetry_server.edge.fast_connection import FastConnection
from telemetry_server.edge.limited_server import LimitedServer
from telemetry_server.edge.plain_request import PlainHead

LOOK_AGAIN_SECONDS = 0.02


class FastPath:
    """Makes a `FastConnection` for every connection; what they share."""

    def __init__(
        self,
        edge: Edge,
        server: LimitedServer,
        writer: RawWriter,
    ) -> None:
        self.edge = edge
        self.server = server
        self.writer = writer
        self.loop = asyncio.get_running_loop()
        self.connections: set[FastConnection] = set()
        self._kept_until = 0.0
        self._kept = self._kept_and_closed = b""

    def __call__(self) -> FastConnection:
        """The protocol of a new connection."""
        return FastConnection(self)

    def takes(self, head: PlainHead) -> bool:
        """Whether the request with this *head* is admitted and answered here."""
        edge = self.edge
        # The answer to a web page has more headers.
        if head.has_origin and edge.options.cors_origins:
            return False
        return edge.admission.refusal(head.submit.path, head.body_bytes) is None

    def kept_answer(self, now: float, *, closes: bool) -> bytes:
        """The 200, made once a second for its date; *now* is the loop's."""
        if now >= self._kept_until:
            self._kept_until = now + 1 - time() % 1
            self._kept = responses.raw_kept(closes=False)
            self._kept_and_closed = responses.raw_kept(closes=True)
        return self._kept_and_closed if closes else self._kept

    def close_idle(self) -> None:
        """Close the connections that wait for a request."""
        for connection in list(self.connections):
            connection.close_if_idle()

    async def shutdown(self, timeout_seconds: float) -> None:
        """Close all connections, those with a request after that long."""
        self.close_idle()
        deadline = self.loop.time() + timeout_seconds
        while self.connections and self.loop.time() < deadline:  # noqa: ASYNC110 - the end of a process
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        for connection in list(self.connections):
            connection.abort()
