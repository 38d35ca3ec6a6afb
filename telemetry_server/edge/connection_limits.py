"""
aiohttp's request handler with limits that aiohttp lacks: deadlines, numbers, incomplete requests.

It uses private parts of aiohttp, which `aiohttp_check` lists.
"""

import asyncio
from contextlib import suppress
from typing import Any, cast

from aiohttp import StreamReader, web
from aiohttp.web_protocol import RequestHandler, RequestPayloadError

from telemetry_server.edge import responses
from telemetry_server.edge.connection_closing import (
    ConnectionOwner,
    UnreadAnswers,
    close_after_last_answer,
    refuse_and_close,
)
from telemetry_server.edge.tolerant_parser import TolerantParser, status_of_parser_error, tolerant_parser
from telemetry_server.observability.events import WorkFailed

LOOK_AGAIN_SECONDS = 0.1
READ_BUFFER_BYTES = 64 << 10  # of a body; aiohttp pauses the connection at twice that
# Most that a connection holds of requests that follow the one being answered: that, and one read.
MAX_PILED_BYTES = 2 * READ_BUFFER_BYTES + (256 << 10)


class LimitedHandler(RequestHandler):
    """One connection, with a deadline for heads and a place among the counted connections."""

    __slots__ = (
        "_answered",
        "_closing_timer",
        "_header_timer",
        "_is_counted",
        "_is_partial",
        "_is_refused",
        "_last_payload",
        "_owner",
        "_piled_bytes",
        "_unread",
        "is_half_closed",
    )

    def __init__(
        self,
        manager: web.Server,
        *,
        owner: ConnectionOwner,
        loop: asyncio.AbstractEventLoop,
        **options: Any,
    ) -> None:
        super().__init__(manager, loop=loop, **options)
        self._owner = owner
        self._parser = cast(Any, tolerant_parser(self, loop))
        self._header_timer: asyncio.TimerHandle | None = None
        self._closing_timer: asyncio.TimerHandle | None = None
        self._answered = 0
        self._last_payload: StreamReader | None = None  # of the newest request
        self._is_counted = False
        self._is_refused = False
        self._is_partial = False  # a part of a head has arrived
        self._piled_bytes = 0  # arrived while a request was being answered
        self._unread: UnreadAnswers | None = None
        self.is_half_closed = False

    def is_last_answer(self) -> bool:
        """Count an answer that is about to be sent; return whether it is the last of this connection."""
        self._answered += 1
        if self._answered >= self._owner.limits.max_requests_per_connection:
            return True
        return self.is_half_closed and not self._messages

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the connection, or answer 503 if there are too many."""
        owner, connection = self._owner, cast(asyncio.Transport, transport)
        if owner.open_connections >= owner.limits.max_connections:
            self._refuse(connection, 503)
            return
        owner.open_connections += 1
        self._is_counted = True
        self._unread = UnreadAnswers(connection, owner.memory, owner.limits, self._held_input_bytes)
        super().connection_made(transport)
        self._start_header_timer()

    def carry_on(self, answered: int, header_deadline: float | None) -> None:
        """
        Take over a connection on which the fast path answered *answered* requests.

        Args:
            header_deadline: Deadline of the head that began there, by the loop's clock.
        """
        self._answered = answered
        if header_deadline is not None:
            self._stop_header_timer()
            self._header_timer = self._loop.call_at(header_deadline, self._headers_are_late)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Release the connection's place, timers and memory."""
        if self._is_counted:
            self._is_counted = False
            self._owner.open_connections -= 1
        if self._unread is not None:
            self._unread.end()
            self._unread = None  # it refers to this connection: a cycle would wait for the garbage collector
        self._stop_header_timer()
        if self._closing_timer is not None:
            self._closing_timer.cancel()
        self._break_payload(self._last_payload)
        self._last_payload = None
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Read nothing more, and start the deadline: the client does not read its answer."""
        super().pause_writing()
        if self._unread is not None:
            self._unread.begin()
        if self.transport is not None:
            with suppress(RuntimeError):  # it is closing
                self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read again: the client has read its answer."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.end()
        if self.transport is not None and not self._reading_paused and not self._buffer_paused:
            with suppress(RuntimeError):
                self.transport.resume_reading()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; after the last one, further input is ignored."""
        if resp.keep_alive is False:
            # aiohttp would parse the bytes after CONNECT or an upgrade as the next request.
            self._message_tail = b""
        sent = await super().finish_response(request, resp, start_time)
        if not resp.keep_alive and (resp.status >= 400 or not request.content.is_eof()):
            self._end_after_answer()
        return sent

    def _end_after_answer(self) -> None:
        self._is_refused = self._force_close = True
        self._last_payload = None  # it may hold a part of a body that is not counted any more as memory
        self._stop_header_timer()
        if self.transport is None:
            return
        if self.is_half_closed:
            self.transport.close()
        else:
            self._closing_timer = close_after_last_answer(self.transport, self._owner.limits)

    def cut_off(self) -> None:
        """Abort the connection: others need its memory."""
        if self.transport is not None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse *data*.  The deadline of a head starts with its first byte."""
        parser = cast("TolerantParser | None", self._parser)  # None: the connection is lost
        if self._is_refused or parser is None or parser.has_refused:
            return
        requests_before = self._request_count
        payload = self._last_payload
        was_between = payload is None or payload.is_eof()
        self._piled_bytes = 0 if self.is_idle() else self._piled_bytes + len(data)
        super().data_received(data)
        if parser.has_refused:
            super().data_received(b"")  # the refusal follows the answers to the whole requests
        if self._request_count != requests_before:
            # The next head may have begun in the same bytes.
            self._is_partial = parser.has_begun_a_head()
            # A request after an incomplete body: the parser gave the body up, and would never end it.
            self._break_payload(payload)
            if self._messages:
                self._last_payload = self._messages[-1][1]
            self._stop_header_timer()
            if self._is_partial:
                self._start_header_timer()
        elif was_between and data:
            # Line ends between requests begin none (RFC 9112, 2.2).
            self._is_partial = self._is_partial or bool(data.strip(b"\r\n"))
            if self._header_timer is None:
                self._start_header_timer()

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Answer what was asked, and refuse an incomplete request: the client sends no more."""
        if self._is_refused:
            return None
        if self.is_idle():
            if self._is_partial:
                self._answer_and_close(400)
            return None
        self._break_payload(self._last_payload)
        if self.transport is None or self.transport.get_extra_info("sslcontext") is not None:
            return None  # TLS has no half-closed connections
        self.is_half_closed = True
        # The last answer may be on its way already, so that no later event would close the connection.
        self._loop.call_later(LOOK_AGAIN_SECONDS, self._close_when_idle)
        return True

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that cannot be parsed, or an internal error, with a fixed text."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is on its way already")
        if status == 400:
            status = status_of_parser_error(exc, self._owner.limits)
        else:
            WorkFailed("answering a request", f"{type(exc).__name__}: {exc}").emit()
            status = 500
        self._owner.count_answer(status)
        return responses.refused_and_closed(status)

    def log_exception(self, *args: Any, **options: Any) -> None:
        """Log the error of a connection in one line, unless the client ended it."""
        error = options.get("exc_info")
        if not isinstance(error, RequestPayloadError | ConnectionError):
            WorkFailed("serving a connection", f"{type(error).__name__}: {error}").emit()

    def _close_when_idle(self) -> None:
        if self.transport is None or self._is_refused:
            return
        if self.is_idle():
            self.force_close()
        else:
            self._loop.call_later(LOOK_AGAIN_SECONDS, self._close_when_idle)

    @staticmethod
    def _break_payload(payload: StreamReader | None) -> None:
        """End an incomplete body with an error."""
        if payload is not None and not payload.is_eof() and payload.exception() is None:
            payload.set_exception(RequestPayloadError("the body ended early"))

    def _held_input_bytes(self) -> int:
        return min(self._piled_bytes, MAX_PILED_BYTES)

    def is_idle(self) -> bool:
        """Whether the connection waits for a request."""
        if self._messages:
            return False
        return self._request_count == 0 or (self._waiter is not None and not self._waiter.done())

    def _headers_are_late(self) -> None:
        self._header_timer = None
        if self.transport is None:
            return
        if self.is_idle():
            self._answer_and_close(408)
        elif self._is_partial:
            # The request before it is still being answered.
            self._start_header_timer()

    def _answer_and_close(self, status: int) -> None:
        if self.transport is not None:
            self._refuse(self.transport, status)

    def _start_header_timer(self) -> None:
        self._header_timer = self._loop.call_later(
            self._owner.limits.header_timeout_seconds, self._headers_are_late
        )

    def _stop_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _refuse(self, transport: asyncio.Transport, status: int) -> None:
        """Answer with *status* without a request, and ignore further input."""
        self._is_refused = True
        self._closing_timer = refuse_and_close(transport, self._owner, status)
