"""
The fast lane: connections begin here, and plain submits never leave it.

It answers what `lane_head` knows to be plain, within the same limits and
counts as the application.  Anything else, and every refusal that can be made
before a body, it hands over with all bytes that came: the connection then is
the application's until it closes.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from time import time
from typing import cast

from storage.errors import StorageError
from storage.raw.submission import Submission
from storage.raw.writer import RawWriter, utc_now
from telemetry_server.edge import answers
from telemetry_server.edge.edge import Edge
from telemetry_server.edge.guard import GuardedServer
from telemetry_server.edge.kept import truncated_address
from telemetry_server.edge.lane_head import END, PlainHead, may_become_plain, plain_head
from telemetry_server.edge.submit_target import namespace_of_path

MOST_PIPELINED_BYTES = 64 << 10  # kept for after the request that is being answered
LOOK_AGAIN_SECONDS = 0.02


class FastLane:
    """Makes a `LaneConnection` for every connection; what they share."""

    def __init__(
        self,
        edge: Edge,
        server: GuardedServer,
        writer: RawWriter,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.edge = edge
        self.server = server
        self.writer = writer
        self.clock = clock
        self.loop = asyncio.get_running_loop()
        self.connections: set[LaneConnection] = set()
        self._kept_until = 0.0
        self._kept = self._kept_and_closed = b""

    def __call__(self) -> "LaneConnection":
        """The protocol of a new connection."""
        return LaneConnection(self)

    def takes(self, head: PlainHead) -> bool:
        """Whether nothing speaks against a submission before its body is read."""
        edge, options = self.edge, self.edge.options
        limits = options.limits
        return (
            not edge.is_draining
            and self.writer.refusal is None
            and head.body_bytes <= limits.max_body_bytes
            and edge.in_flight_bytes + head.body_bytes <= limits.max_in_flight_bytes
            and (not options.namespaces or namespace_of_path(head.path) in options.namespaces)
            # The answer to a web page has more headers.
            and not (head.has_origin and options.cors_origins)
        )

    def kept_answer(self, now: float, *, closes: bool) -> bytes:
        """The 200, made once a second for its date; *now* is the loop's."""
        if now >= self._kept_until:
            self._kept_until = now + 1 - time() % 1
            self._kept = answers.raw_kept(closes=False)
            self._kept_and_closed = answers.raw_kept(closes=True)
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


class LaneRequest:
    """A submission under way; told by the writer what became of it."""

    __slots__ = ("_connection", "came_bytes", "head", "is_whole", "parts", "started_at")

    def __init__(self, connection: "LaneConnection", head: PlainHead) -> None:
        self._connection: LaneConnection | None = connection
        self.head = head
        self.parts: list[bytes] = []
        self.came_bytes = 0
        self.started_at = 0.0
        self.is_whole = False

    def done(self) -> bool:
        """Whether it was answered."""
        return self._connection is None

    def set_result(self, result: None, /) -> None:
        """It is on disk."""
        self._finish(None)

    def set_exception(self, error: StorageError, /) -> None:
        """It was not kept."""
        self._finish(error)

    def _finish(self, error: StorageError | None) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.finish(self, error)


class LaneConnection(asyncio.Protocol):
    """One connection: one request at a time, with a deadline for whatever it waits for."""

    __slots__ = (
        "_answered",
        "_came",
        "_deadline",
        "_is_choked",
        "_is_half_closed",
        "_is_head_late_at_deadline",
        "_is_over",
        "_is_paused",
        "_lane",
        "_request",
        "_timer",
        "_timer_at",
        "_transport",
    )

    def __init__(self, lane: FastLane) -> None:
        self._lane = lane
        self._transport: asyncio.Transport | None = None
        self._came = b""  # of requests that are not under way yet
        self._request: LaneRequest | None = None
        self._answered = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._deadline = 0.0
        self._is_head_late_at_deadline = True  # or else it was merely idle
        self._is_half_closed = False
        self._is_over = False  # takes no more notice of what comes
        self._is_paused = False  # more came at once than is kept
        self._is_choked = False  # the client does not read its answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection; where there are too many, the application refuses it."""
        self._transport = cast(asyncio.Transport, transport)
        lane, edge = self._lane, self._lane.edge
        if edge.open_connections >= edge.limits.max_connections:
            self._is_over = True
            handler = lane.server()
            self._transport.set_protocol(handler)
            handler.connection_made(transport)
            return
        edge.open_connections += 1
        lane.connections.add(self)
        self._wait_until(lane.loop.time() + edge.limits.header_timeout_seconds)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Make room for another; a submission that the writer has is kept all the same."""
        self._leave()
        self._uncount()
        request = self._request
        if request is not None and not request.is_whole:
            self._give_up(request)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Go on with the request under way, or begin one."""
        if self._is_over:
            return
        request = self._request
        if request is None:
            self._came = self._came + data if self._came else data
            self._go_on()
        elif request.is_whole:
            self._came += data
            if len(self._came) > MOST_PIPELINED_BYTES and not self._is_paused:
                self._is_paused = True
                self._running_transport().pause_reading()
        else:
            self._grow(request, data)

    def eof_received(self) -> bool | None:
        """The client sends no more: what it asked for is still answered, and half a request is refused."""
        if self._is_over:
            return None
        self._is_half_closed = True
        request = self._request
        if request is None:
            return self._hand_over() if self._came else None
        if not request.is_whole:
            self._refuse(400)
            return None
        return True

    def pause_writing(self) -> None:
        """Begin nothing more until the client reads its answers."""
        self._is_choked = True

    def resume_writing(self) -> None:
        """Go on."""
        self._is_choked = False
        self._begin_next()

    def close_if_idle(self) -> None:
        """Close it unless a request is under way."""
        if self._request is None and not self._is_over:
            self._leave()
            self._running_transport().close()

    def abort(self) -> None:
        """Cut it off."""
        if self._transport is not None:
            self._transport.abort()
        self._leave()

    def finish(self, request: LaneRequest, error: StorageError | None) -> None:
        """Answer *request*, which is on disk, or is not because of *error*."""
        lane, edge = self._lane, self._lane.edge
        head = request.head
        self._request = None
        edge.active_requests -= 1
        edge.in_flight_bytes -= head.body_bytes
        status = 200
        if error is None:
            edge.tally.count_kept(namespace_of_path(head.path))
        else:
            status = answers.status_of(error)
        edge.tally.count_answer(status)
        if self._is_over or self._transport is None:
            return
        self._answered += 1
        closes = (
            head.is_last
            or self._answered >= edge.limits.max_requests_per_connection
            or edge.is_draining
            or (self._is_half_closed and not self._came)
        )
        now = lane.loop.time()
        self._transport.write(
            lane.kept_answer(now, closes=closes)
            if status == 200
            else answers.raw_refusal(status, closes=closes)
        )
        if closes:
            self._leave()
            self._transport.close()
            return
        if self._came or self._is_paused:
            # Not from within the writer's own loop.
            lane.loop.call_soon(self._begin_next)
        self._is_head_late_at_deadline = False
        self._wait_until(now + edge.limits.keepalive_timeout_seconds)

    def _begin_next(self) -> None:
        if self._is_over or self._request is not None:
            return
        if self._is_paused:
            self._is_paused = False
            self._running_transport().resume_reading()
        if self._came:
            self._go_on()

    def _go_on(self) -> None:
        """Begin with the request that *came*, as far as it is here."""
        if self._is_choked:
            if len(self._came) > MOST_PIPELINED_BYTES and not self._is_paused:
                self._is_paused = True
                self._running_transport().pause_reading()
            return
        lane, came = self._lane, self._came
        end = came.find(END)
        if end < 0:
            if self._is_half_closed or not may_become_plain(came):
                self._hand_over()
            elif not self._is_head_late_at_deadline:
                self._is_head_late_at_deadline = True
                self._wait_until(lane.loop.time() + lane.edge.limits.header_timeout_seconds)
            return
        head = plain_head(came[:end], lane.edge.limits)
        if head is None or not lane.takes(head):
            self._hand_over()
            return
        body = came[end + len(END) :]
        surplus = len(body) - head.body_bytes
        # The application's parser lets what follows in the same bytes decide about a request before it.
        if surplus > 0 or (surplus and self._is_half_closed):
            self._hand_over()
            return
        self._begin(head, body)

    def _begin(self, head: PlainHead, body: bytes) -> None:
        lane, edge = self._lane, self._lane.edge
        edge.active_requests += 1
        edge.in_flight_bytes += head.body_bytes
        request = self._request = LaneRequest(self, head)
        self._came = b""
        if len(body) == head.body_bytes:
            self._keep(request, body)
            return
        request.started_at = lane.loop.time()
        self._grow(request, body)
        self._wait_until(self._body_deadline(request))

    def _grow(self, request: LaneRequest, data: bytes) -> None:
        missing = request.head.body_bytes - request.came_bytes
        if len(data) > missing:
            self._came = data[missing:]
            data = data[:missing]
        request.parts.append(data)
        request.came_bytes += len(data)
        if len(data) == missing:
            body = b"".join(request.parts)
            request.parts = []
            self._keep(request, body)

    def _keep(self, request: LaneRequest, body: bytes) -> None:
        request.is_whole = True
        lane, head = self._lane, request.head
        options = lane.edge.options
        address = None
        if options.keeps_client_address:
            peer = self._running_transport().get_extra_info("peername")
            address = truncated_address(head.forwarded_for, peer[0] if peer else None, options.trusted_hops)
        submission = Submission(
            lane.clock(),
            head.path,
            body,
            head.query,
            head.method,
            "HTTP/1.1",
            head.host,
            head.headers,
            address,
        )
        try:
            lane.writer.take(submission, request)
        except StorageError as error:
            request.set_exception(error)

    def _body_deadline(self, request: LaneRequest) -> float:
        limits = self._lane.edge.limits
        seconds = max(limits.min_rate_after_seconds, request.came_bytes / limits.min_bytes_per_second)
        return request.started_at + min(limits.body_timeout_seconds, seconds)

    def _hand_over(self) -> bool | None:
        """Let the application go on from the first byte not answered; what it says to the end of input."""
        transport, lane = self._running_transport(), self._lane
        deadline = self._deadline if self._is_head_late_at_deadline else None
        self._leave()
        self._uncount()  # the handler counts it
        handler = lane.server()
        transport.set_protocol(handler)
        handler.connection_made(transport)
        handler.carry_on(self._answered, deadline)
        if self._is_choked:
            handler.pause_writing()
        if self._is_paused:
            transport.resume_reading()
        handler.data_received(self._came)
        if not self._is_half_closed:
            return None
        stays = handler.eof_received()
        if not stays:
            transport.close()
        return stays

    def _refuse(self, status: int) -> None:
        """Answer without the application, and take no more notice of this connection."""
        transport, lane = self._running_transport(), self._lane
        if self._request is not None:
            self._give_up(self._request)
        lane.edge.tally.count_answer(status)
        self._leave()
        transport.write(answers.raw_refusal(status))
        if transport.can_write_eof():
            transport.write_eof()
        # Closing with bytes unread would reset the connection and take the answer with it.
        lane.loop.call_later(lane.edge.limits.lingering_seconds, transport.abort)

    def _give_up(self, request: LaneRequest) -> None:
        edge = self._lane.edge
        edge.active_requests -= 1
        edge.in_flight_bytes -= request.head.body_bytes
        self._request = None

    def _leave(self) -> None:
        """Take no more notice of what comes; it counts as a connection until it is closed."""
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _uncount(self) -> None:
        if self in self._lane.connections:
            self._lane.connections.discard(self)
            self._lane.edge.open_connections -= 1

    def _wait_until(self, deadline: float) -> None:
        # A timer that is early looks again: one for each request would cost more than its head.
        self._deadline = deadline
        if self._timer is not None:
            if self._timer_at <= deadline:
                return
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self._lane.loop.call_at(deadline, self._look_at_the_time)

    def _look_at_the_time(self) -> None:
        self._timer = None
        request, now = self._request, self._lane.loop.time()
        if request is not None:
            if request.is_whole:
                return  # the writer has a deadline of its own
            self._deadline = self._body_deadline(request)
        if now < self._deadline:
            self._wait_until(self._deadline)
        elif request is not None or self._is_head_late_at_deadline:
            self._refuse(408)
        else:
            self.close_if_idle()

    def _running_transport(self) -> asyncio.Transport:
        assert self._transport is not None  # there is one from `connection_made` to `connection_lost`
        return self._transport
