"""One connection of the fast path: answers plain submits, and hands everything else over to aiohttp."""

import asyncio
from typing import TYPE_CHECKING, cast

from storage.errors import StorageError
from telemetry_server.edge import responses
from telemetry_server.edge.admission import body_seconds
from telemetry_server.edge.body import BodyParts
from telemetry_server.edge.client_memory import SlowHolding
from telemetry_server.edge.fast_request import FastRequest
from telemetry_server.edge.plain_request import END, PlainHead, may_become_plain, plain_head
from telemetry_server.edge.submit_target import namespace_of_path
from telemetry_server.edge.timed_connection import TimedConnection

if TYPE_CHECKING:
    from telemetry_server.edge.fast_path import FastPath

MAX_PIPELINED_BYTES = 64 << 10  # held while an earlier request is being answered


class FastConnection(TimedConnection):
    """One connection, which reads one request at a time."""

    __slots__ = (
        "_answered",
        "_fast_path",
        "_is_half_closed",
        "_is_head_late_at_deadline",
        "_request",
    )

    def __init__(self, fast_path: "FastPath") -> None:
        super().__init__(fast_path.edge, fast_path.loop)
        self._fast_path = fast_path
        self._request: FastRequest | None = None
        self._answered = 0
        self._is_head_late_at_deadline = True  # False: the connection is idle, and is closed at the deadline
        self._is_half_closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the connection; if there are too many, the aiohttp path refuses it."""
        fast_path, edge = self._fast_path, self._fast_path.edge
        if edge.open_connections >= edge.limits.max_connections:
            self._is_over = True
            handler = fast_path.server()
            cast(asyncio.Transport, transport).set_protocol(handler)
            handler.connection_made(transport)
            return
        fast_path.connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Release the connection; the writer still keeps the submission that it was given."""
        self._fast_path.connections.discard(self)
        if self._request is not None and not self._request.is_complete:
            self._give_up(self._request)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Continue the request under way, or begin one."""
        if self._is_over:
            return
        request = self._request
        if request is None:
            self._pending = self._pending + data if self._pending else data
            self._read_next()
        elif request.is_complete:
            self._pending += data
            if len(self._pending) > MAX_PIPELINED_BYTES:
                self._pause_reading()
        else:
            assert request.body is not None and request.holding is not None  # until the body is complete
            self._grow(request, request.body, request.holding, data)

    def eof_received(self) -> bool | None:
        """Answer what was asked, and refuse an incomplete request: the client sends no more."""
        if self._is_over:
            return None
        self._is_half_closed = True
        request = self._request
        if request is None:
            return self._hand_over() if self._pending else None
        if not request.is_complete:
            self._refuse(400)
            return None
        return True

    def close_if_idle(self) -> None:
        """Close the connection unless a request is under way."""
        if self._request is None and not self._is_over:
            self._leave()
            self._running_transport().close()

    def finish(self, request: FastRequest, error: StorageError | None) -> None:
        """Answer *request*: it is on disk, or was not kept because of *error*."""
        fast_path, edge = self._fast_path, self._fast_path.edge
        head = request.head
        self._request = None
        edge.active_requests -= 1
        edge.memory.give_back(head.body_bytes)
        status = 200
        if error is None:
            edge.tally.count_kept(namespace_of_path(head.submit.path))
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
            or (self._is_half_closed and not self._pending)
        )
        now = fast_path.loop.time()
        self._transport.write(
            fast_path.kept_answer(now, closes=closes)
            if status == 200
            else responses.raw_refusal(status, closes=closes)
        )
        if closes:
            self._leave()
            self._transport.close()
            return
        if self._pending or self._is_paused:
            # Later: the writer is still answering others.
            fast_path.loop.call_soon(self._begin_next)
        self._is_head_late_at_deadline = False
        self._wait_until(now + edge.limits.keepalive_timeout_seconds)

    def _begin_next(self) -> None:
        if self._is_over or self._request is not None:
            return
        if self._is_paused:
            self._is_paused = False
            self._running_transport().resume_reading()
        if self._pending:
            self._read_next()

    def _read_next(self) -> None:
        """Begin the next request with the pending input, as far as it has arrived."""
        if self._is_choked:
            return
        fast_path, pending = self._fast_path, self._pending
        end = pending.find(END)
        if end < 0:
            if self._is_half_closed or not may_become_plain(pending):
                self._hand_over()
            elif not self._is_head_late_at_deadline:
                self._is_head_late_at_deadline = True
                self._wait_until(fast_path.loop.time() + fast_path.edge.limits.header_timeout_seconds)
            return
        head = plain_head(pending[:end], fast_path.edge.limits)
        # The aiohttp path refuses what is not admitted.
        if head is None or not fast_path.takes(head):
            self._hand_over()
            return
        body = pending[end + len(END) :]
        surplus = len(body) - head.body_bytes
        # aiohttp's parser judges a request together with what follows in the same bytes.
        if surplus > 0 or (surplus and self._is_half_closed):
            self._hand_over()
            return
        self._begin(head, body)

    def _begin(self, head: PlainHead, body: bytes) -> None:
        fast_path, edge = self._fast_path, self._fast_path.edge
        edge.active_requests += 1
        request = self._request = FastRequest(self, head)
        self._pending = b""
        if len(body) == head.body_bytes:
            if edge.memory.take(len(body)):
                self._keep(request, body)
            else:
                self._refuse(503)
            return
        request.started_at = fast_path.loop.time()
        request.holding = SlowHolding(edge.memory, self._give_way)
        request.body = BodyParts()
        self._grow(request, request.body, request.holding, body)
        if request.holding is not None:
            self._wait_until(self._body_deadline(request, request.body))

    def _grow(self, request: FastRequest, body: BodyParts, holding: SlowHolding, data: bytes) -> None:
        missing = request.head.body_bytes - body.size
        if len(data) > missing:
            self._pending = data[missing:]
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
        """Refuse the request under way: others need the memory of its body."""
        self._refuse(503)

    def _keep(self, request: FastRequest, body: bytes) -> None:
        request.is_complete = True
        fast_path = self._fast_path
        submission = fast_path.edge.submission(request.head.submit, body, self._transport)
        try:
            fast_path.writer.take(submission, request)
        except StorageError as error:
            request.set_exception(error)

    def _body_deadline(self, request: FastRequest, body: BodyParts) -> float:
        return request.started_at + body_seconds(body.size, self._fast_path.edge.limits)

    def _hand_over(self) -> bool | None:
        """Give the connection, from its first unanswered byte, to aiohttp; return its `eof_received`."""
        transport, fast_path = self._running_transport(), self._fast_path
        deadline = self._deadline if self._is_head_late_at_deadline else None
        self._leave()
        self._release()  # the handler counts it
        fast_path.connections.discard(self)
        handler = fast_path.server()
        transport.set_protocol(handler)
        handler.connection_made(transport)
        handler.carry_on(self._answered, deadline)
        if self._is_paused:
            transport.resume_reading()
        if self._is_choked:
            handler.pause_writing()
        handler.data_received(self._pending)
        if not self._is_half_closed:
            return None
        stays = handler.eof_received()
        if not stays:
            transport.close()
        return stays

    def _refuse(self, status: int) -> None:
        """Answer with *status* and close the connection."""
        if self._request is not None:
            self._give_up(self._request)
        self._refuse_and_close(status)

    def _give_up(self, request: FastRequest) -> None:
        self._fast_path.edge.active_requests -= 1
        request.release()
        self._request = None

    def _look_at_the_time(self) -> None:
        self._timer = None
        request, now = self._request, self._fast_path.loop.time()
        if request is not None:
            if request.body is None:
                return  # complete; the writer has its own deadline
            self._deadline = self._body_deadline(request, request.body)
        if now < self._deadline:
            self._wait_until(self._deadline)
        elif request is not None or self._is_head_late_at_deadline:
            self._refuse(408)
        else:
            self.close_if_idle()
