"""One connection of the fast path: answers plain submits, and hands everything else over to aiohttp."""

import asyncio
from typing import cast

from storage.errors import StorageError
from storage.raw.record_frames import RawRecord, header_of
from telemetry_server.edge.answering_connection import AnsweringConnection
from telemetry_server.edge.client_memory import HeldBytes
from telemetry_server.edge.fast_head import fast_head, with_address
from telemetry_server.edge.fast_request import FastRequest
from telemetry_server.edge.plain_request import END, may_become_plain
from telemetry_server.edge.submit_target import namespace_of_path

MAX_PIPELINED_BYTES = 64 << 10  # held while an earlier request is being answered


class FastConnection(AnsweringConnection):
    """One connection, which reads one request at a time."""

    __slots__ = ()
    _request: FastRequest | None

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
        if self._request is not None:
            self._give_up(self._request)
        super().connection_lost(exc)

    def _receive(self, data: bytes) -> None:
        if self._is_waiting:
            self._pending += data
            if len(self._pending) > MAX_PIPELINED_BYTES:
                self._pause_reading()
        elif self._request is not None:
            self._grow(self._request, data)
        else:
            self._pending += data
            self._read_next()

    def eof_received(self) -> bool | None:
        """Answer what was asked, and refuse an incomplete request: the client sends no more."""
        if self._is_over:
            return None
        self._is_half_closed = True
        if self._is_waiting:
            return True
        if self._request is None:
            return self._hand_over() if self._pending else None
        self._refuse(400)
        return None

    def close_if_idle(self) -> None:
        """Close the connection unless a request is under way."""
        if self._request is None and not self._is_waiting and not self._is_over:
            self._leave()
            self._running_transport().close()

    def _begin_next(self) -> None:
        if self._is_over or self._is_waiting or self._request is not None:
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
        head = fast_head(pending, *fast_path.head_limits)
        if head is None:
            if END in pending or self._is_half_closed or not may_become_plain(pending):
                self._hand_over()
            elif not self._is_head_late_at_deadline:
                self._is_head_late_at_deadline = True
                self._wait_until(fast_path.loop.time() + fast_path.edge.limits.header_timeout_seconds)
            return
        head_bytes, path, body_bytes, is_last, has_origin, forwarded_for, rest = head
        surplus = len(pending) - head_bytes - body_bytes
        # The aiohttp path refuses what is not admitted.  Its parser also judges a request together with what
        # follows in the same bytes.  The answer to a web page needs CORS headers.
        if (
            surplus > 0
            or (surplus and self._is_half_closed)
            or (has_origin and fast_path.has_cors)
            or fast_path.refusal(path, body_bytes) is not None
        ):
            self._hand_over()
            return
        namespace = namespace_of_path(path)
        request = FastRequest(namespace, body_bytes, rest, forwarded_for, is_last=is_last)
        self._pending = b""
        fast_path.edge.active_requests += 1
        if surplus:
            self._begin_body(request, pending[head_bytes:])
        elif fast_path.memory.take(body_bytes):
            self._keep(request, pending, head_bytes)
        else:
            fast_path.edge.active_requests -= 1
            self._refuse(503)

    def _begin_body(self, request: FastRequest, body: bytes) -> None:
        """Receive the rest of a body that begins with *body*."""
        fast_path = self._fast_path
        self._request = request
        request.started_at = fast_path.loop.time()
        request.holding = HeldBytes(fast_path.memory, self._give_way)
        self._grow(request, body)
        if self._request is request:
            self._wait_until(request.deadline(fast_path.edge.limits))

    def _grow(self, request: FastRequest, data: bytes) -> None:
        body, holding = request.body, request.holding
        assert holding is not None  # until the body is complete
        missing = request.body_bytes - body.size
        if len(data) > missing:
            self._pending = data[missing:]
            data = data[:missing]
        if not holding.grow(len(data)):
            self._refuse(503)
            return
        body.add(data)
        if len(data) == missing:
            holding.settle()
            self._request = None
            self._keep(request, body.joined())

    def _give_way(self) -> None:
        """Refuse the request under way: others need the memory of its body."""
        self._refuse(503)

    def _keep(self, request: FastRequest, text: bytes, start: int = 0) -> None:
        """Have the body kept, which is *text* from *start* on."""
        fast_path = self._fast_path
        moment = fast_path.clock()
        rest = request.header_rest
        if fast_path.keeps_address:
            address = fast_path.edge.address_of(request.forwarded_for, self._transport)
            rest = with_address(rest, address)
        self._is_waiting = True
        self._namespace = request.namespace
        self._kept_bytes = request.body_bytes
        self._is_last = request.is_last
        try:
            fast_path.take(RawRecord(moment.date(), header_of(moment, rest), text, start), self)
        except StorageError as error:
            self.finish(error)

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
        if self._is_waiting:
            return  # the writer has its own deadline
        request, now = self._request, self._fast_path.loop.time()
        if request is not None:
            self._deadline = request.deadline(self._fast_path.edge.limits)
        if now < self._deadline:
            self._wait_until(self._deadline)
        elif request is not None or self._is_head_late_at_deadline:
            self._refuse(408)
        else:
            self.close_if_idle()
