"""One connection of the fast lane: one request at a time, with a deadline for whatever it waits for."""

import asyncio
from typing import TYPE_CHECKING, cast

from storage.errors import StorageError
from storage.raw.submission import Submission
from telemetry_server.edge import responses
from telemetry_server.edge.admission import body_seconds
from telemetry_server.edge.body import BodyParts
from telemetry_server.edge.client_memory import SlowHolding
from telemetry_server.edge.connection_closing import UnreadAnswers, close_after_last_answer
from telemetry_server.edge.plain_request import END, PlainHead, may_become_plain, plain_head
from telemetry_server.edge.request_headers import truncated_address
from telemetry_server.edge.submit_target import namespace_of_path

if TYPE_CHECKING:
    from telemetry_server.edge.fast_path import FastPath

MAX_PIPELINED_BYTES = 64 << 10  # kept for after the request that is being answered


class FastRequest:
    """A submission under way; told by the writer what became of it."""

    __slots__ = ("_connection", "body", "head", "holding", "is_whole", "started_at")

    def __init__(self, connection: "FastConnection", head: PlainHead) -> None:
        self._connection: FastConnection | None = connection
        self.head = head
        self.body: BodyParts | None = None  # as far as it came, unless all of it came at once
        self.holding: SlowHolding | None = None  # while it is not whole
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


class FastConnection(asyncio.Protocol):
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
        "_unread",
    )

    def __init__(self, lane: "FastPath") -> None:
        self._lane = lane
        self._transport: asyncio.Transport | None = None
        self._came = b""  # of requests that are not under way yet
        self._request: FastRequest | None = None
        self._answered = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._deadline = 0.0
        self._is_head_late_at_deadline = True  # or else it was merely idle
        self._is_half_closed = False
        self._is_over = False  # takes no more notice of what comes
        self._is_paused = False  # more came at once than is kept
        self._is_choked = False  # the client does not read its answers
        self._unread: UnreadAnswers | None = None

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
        self._unread = UnreadAnswers(self._transport, edge.memory, edge.limits, self._held_input_bytes)
        self._wait_until(lane.loop.time() + edge.limits.header_timeout_seconds)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Make room for another; a submission that the writer has is kept all the same."""
        self._leave()
        self._uncount()
        if self._unread is not None:
            self._unread.end()
            self._unread = None  # it refers to this connection, and would keep it until garbage is collected
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
            if len(self._came) > MAX_PIPELINED_BYTES:
                self._pause_reading()
        else:
            assert request.body is not None and request.holding is not None  # until it is whole
            self._grow(request, request.body, request.holding, data)

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
        """Begin nothing more, and take nothing more, until the client reads its answers."""
        self._is_choked = True
        if self._unread is not None:
            self._unread.begin()
        if not self._is_over:
            self._pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self._is_choked = False
        if self._unread is not None:
            self._unread.end()
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

    def finish(self, request: FastRequest, error: StorageError | None) -> None:
        """Answer *request*, which is on disk, or is not because of *error*."""
        lane, edge = self._lane, self._lane.edge
        head = request.head
        self._request = None
        edge.active_requests -= 1
        edge.memory.give_back(head.body_bytes)
        status = 200
        if error is None:
            edge.tally.count_kept(namespace_of_path(head.path))
        else:
            status = responses.status_of(error)
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
            else responses.raw_refusal(status, closes=closes)
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
        # The application refuses what is not admitted.
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
        request = self._request = FastRequest(self, head)
        self._came = b""
        if len(body) == head.body_bytes:
            if edge.memory.take(len(body)):
                self._keep(request, body)
            else:
                self._refuse(503)
            return
        request.started_at = lane.loop.time()
        request.holding = SlowHolding(edge.memory, self._give_way)
        request.body = BodyParts()
        self._grow(request, request.body, request.holding, body)
        if request.holding is not None:
            self._wait_until(self._body_deadline(request, request.body))

    def _grow(self, request: FastRequest, body: BodyParts, holding: SlowHolding, data: bytes) -> None:
        missing = request.head.body_bytes - body.size
        if len(data) > missing:
            self._came = data[missing:]
            data = data[:missing]
        if not holding.grow(len(data)):
            self._refuse(503)
            return
        body.add(data)
        if len(data) == missing:
            holding.settle()
            request.holding = request.body = None
            self._keep(request, body.joined())

    def _give_way(self) -> None:
        """Others need the memory of the body under way."""
        self._refuse(503)

    def _keep(self, request: FastRequest, body: bytes) -> None:
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

    def _body_deadline(self, request: FastRequest, body: BodyParts) -> float:
        return request.started_at + body_seconds(body.size, self._lane.edge.limits)

    def _hand_over(self) -> bool | None:
        """Let the application go on from the first byte not answered; what it says to the end of input."""
        transport, lane = self._running_transport(), self._lane
        deadline = self._deadline if self._is_head_late_at_deadline else None
        self._leave()
        self._uncount()  # the handler counts it
        if self._unread is not None:
            self._unread.end()
            self._unread = None
        handler = lane.server()
        transport.set_protocol(handler)
        handler.connection_made(transport)
        handler.carry_on(self._answered, deadline)
        if self._is_paused:
            transport.resume_reading()
        if self._is_choked:
            handler.pause_writing()
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
        transport.write(responses.raw_refusal(status))
        self._timer = close_after_last_answer(transport, lane.edge.limits)

    def _give_up(self, request: FastRequest) -> None:
        self._lane.edge.active_requests -= 1
        if request.holding is not None:
            request.holding.release()
        request.holding = request.body = None
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
            if request.body is None:
                return  # it is whole, and the writer has a deadline of its own
            self._deadline = self._body_deadline(request, request.body)
        if now < self._deadline:
            self._wait_until(self._deadline)
        elif request is not None or self._is_head_late_at_deadline:
            self._refuse(408)
        else:
            self.close_if_idle()

    def _pause_reading(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            self._running_transport().pause_reading()

    def _held_input_bytes(self) -> int:
        return len(self._came)

    def _running_transport(self) -> asyncio.Transport:
        assert self._transport is not None  # there is one from `connection_made` to `connection_lost`
        return self._transport
