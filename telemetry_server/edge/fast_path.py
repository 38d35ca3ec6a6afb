"""
The fast path of plain submits, on which every connection begins.

It answers the requests that `plain_head` reads, with the same limits and counts as the aiohttp path.
For any other request, and for a refusal before the body, the connection goes to aiohttp with all bytes
that arrived, and stays there until it closes.
"""

import asyncio
from time import time

from storage.raw.record_frames import RawRecord
from storage.raw.submission_writer import SubmissionWriter
from storage.raw.writer import utc_now
from telemetry_server.edge import responses
from telemetry_server.edge.client_memory import ClientMemory
from telemetry_server.edge.edge import Edge
from telemetry_server.edge.fast_connection import FastConnection
from telemetry_server.edge.limited_server import LimitedServer
from telemetry_server.edge.submit_connection import Lane
from telemetry_server.edge.whole_request import Reader, read_nothing

LOOK_AGAIN_SECONDS = 0.02


class FastPath(Lane):
    """Makes a `FastConnection` for every connection, and holds what they share."""

    memory: ClientMemory

    def __init__(
        self,
        edge: Edge,
        server: LimitedServer,
        writer: SubmissionWriter,
    ) -> None:
        limits = edge.limits
        self.head_limits = (limits.max_headers, limits.max_target_bytes, limits.max_kept_header_bytes)
        self.keeps_address = edge.options.keeps_client_address
        clock = None if edge.clock is utc_now else edge.clock  # compiled, the system's clock costs a tenth
        # The bytes lack the client's address, and only reading in steps checks a list of namespaces.
        read_whole = (
            read_nothing
            if self.keeps_address or edge.options.namespaces
            else Reader(self.head_limits, limits.max_body_bytes, clock, RawRecord)
        )
        self.loop = asyncio.get_running_loop()
        super().__init__(
            (edge.memory, edge), read_whole, writer.take, self.loop.time, edge.tally.stored_namespaces
        )
        self.keepalive_seconds = limits.keepalive_timeout_seconds
        self.max_requests = limits.max_requests_per_connection
        self.edge = edge
        self.server = server
        self.writer = writer
        self.has_cors = bool(edge.options.cors_origins)
        self.refusal = edge.admission.refusal
        self.clock = edge.clock
        self.connections: set[FastConnection] = set()
        self._kept_and_closed = b""

    def __call__(self) -> FastConnection:
        """Return the protocol of a new connection."""
        return FastConnection(self)

    def kept_answer(self, now: float, *, closes: bool = False) -> bytes:
        """Return the 200, which is built once a second because of its date; *now* is the loop's time."""
        if now >= self.kept_until:
            self.kept_until = now + 1 - time() % 1
            self.kept = responses.raw_kept(closes=False)
            self._kept_and_closed = responses.raw_kept(closes=True)
        return self._kept_and_closed if closes else self.kept

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
