"""
The fast path of plain submits, on which every connection begins.

It answers the requests that `plain_head` reads, with the same limits and counts as the aiohttp path.
For any other request, and for a refusal before the body, the connection goes to aiohttp with all bytes
that arrived, and stays there until it closes.
"""

import asyncio
from time import time

from storage.raw.submission_writer import SubmissionWriter
from telemetry_server.edge import responses
from telemetry_server.edge.edge import Edge
from telemetry_server.edge.fast_connection import FastConnection
from telemetry_server.edge.limited_server import LimitedServer
from telemetry_server.edge.plain_request import PlainHead

LOOK_AGAIN_SECONDS = 0.02


class FastPath:
    """Makes a `FastConnection` for every connection, and holds what they share."""

    def __init__(
        self,
        edge: Edge,
        server: LimitedServer,
        writer: SubmissionWriter,
    ) -> None:
        self.edge = edge
        self.server = server
        self.writer = writer
        self.loop = asyncio.get_running_loop()
        self.connections: set[FastConnection] = set()
        self._kept_until = 0.0
        self._kept = self._kept_and_closed = b""

    def __call__(self) -> FastConnection:
        """Return the protocol of a new connection."""
        return FastConnection(self)

    def takes(self, head: PlainHead) -> bool:
        """Return whether the request with this *head* is admitted and answered on the fast path."""
        edge = self.edge
        # The answer to a web page needs CORS headers.
        if head.has_origin and edge.options.cors_origins:
            return False
        return edge.admission.refusal(head.submit.path, head.body_bytes) is None

    def kept_answer(self, now: float, *, closes: bool) -> bytes:
        """Return the 200, which is built once a second because of its date; *now* is the loop's time."""
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
        """Close idle connections, and the others after *timeout_seconds*."""
        self.close_idle()
        deadline = self.loop.time() + timeout_seconds
        while self.connections and self.loop.time() < deadline:  # noqa: ASYNC110 - the end of a process
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        for connection in list(self.connections):
            connection.abort()
