"""
The connection's own limits, which aiohttp does not set: time, number, and what an early end means.

This leans on private parts of aiohttp's request handler.  `check_library`
looks for them when a worker starts, so that an upgrade cannot switch the
limits off in silence.
"""

import asyncio
import inspect
from typing import Any, Protocol, cast

from aiohttp import StreamReader, web
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong
from aiohttp.web_protocol import RequestHandler, RequestPayloadError

from telemetry_server.edge import answers
from telemetry_server.edge.limits import EdgeLimits
from telemetry_server.edge.tolerant_parser import tolerant_parser
from telemetry_server.observability.notable import WorkFailed

# What is used here and is nobody's promise.
NEEDED_ATTRIBUTES = frozenset(
    {
        "_request_count",
        "_messages",
        "_waiter",
        "_request_in_progress",
        "_force_close",
        "_manager",
        "_loop",
        "_max_msg_queue_size",
        "_parser",
        "_read_bufsize",
    }
)
LOOK_AGAIN_SECONDS = 0.1
TOO_MANY_HEADERS = "Too many headers"


class LibraryChanged(Exception):
    """aiohttp no longer has what the connection limits are built on."""


class GuardOwner(Protocol):
    """Whom the connections of a worker belong to."""

    limits: EdgeLimits
    open_connections: int

    def count_answer(self, status: int) -> None:
        """Note an answer that no handler gave."""


class GuardedHandler(RequestHandler):
    """One connection: headers in time, not too many of its kind, and an answer also to a half-closed one."""

    __slots__ = (
        "_answered",
        "_header_timer",
        "_is_counted",
        "_is_partial",
        "_is_refused",
        "_last_payload",
        "_owner",
        "is_half_closed",
    )

    def __init__(self, manager: "GuardedServer", *, loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(manager, loop=loop, **options)
        self._owner = manager.owner
        self._parser = cast(Any, tolerant_parser(self, loop))
        self._header_timer: asyncio.TimerHandle | None = None
        self._answered = 0
        self._last_payload: StreamReader | None = None  # of the request whose head came last
        self._is_counted = False
        self._is_refused = False
        self._is_partial = False  # a part of a request's head is here
        self.is_half_closed = False

    def is_last_answer(self) -> bool:
        """Note that an answer is about to go out; True if it is this connection's last."""
        self._answered += 1
        if self._answered >= self._owner.limits.max_requests_per_connection:
            return True
        return self.is_half_closed and not self._messages

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or answer 503 if there are too many."""
        owner = self._owner
        if owner.open_connections >= owner.limits.max_connections:
            self._say_last(cast(asyncio.Transport, transport), 503)
            return
        owner.open_connections += 1
        self._is_counted = True
        super().connection_made(transport)
        self._start_header_timer()

    def carry_on(self, answered: int, header_deadline: float | None) -> None:
        """
        Take over a connection on which *answered* requests were answered elsewhere.

        Args:
            header_deadline: When the head that began there must be here, by the loop's clock.
        """
        self._answered = answered
        if header_deadline is not None:
            self._stop_header_timer()
            self._header_timer = self._loop.call_at(header_deadline, self._headers_are_late)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Make room for another."""
        if self._is_counted:
            self._is_counted = False
            self._owner.open_connections -= 1
        self._stop_header_timer()
        self._break_payload()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; the time for a request's head runs from its first byte to its last."""
        if self._is_refused:
            return
        requests_before = self._request_count
        payload = self._last_payload
        was_between = payload is None or payload.is_eof()
        super().data_received(data)
        if self._request_count != requests_before:
            self._is_partial = False
            if self._messages:
                self._last_payload = self._messages[-1][1]
            if self._header_timer is not None:
                self._stop_header_timer()
        elif was_between and data:
            self._is_partial = True
            if self._header_timer is None:
                self._start_header_timer()

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """The client sends no more: what it asked for is still answered, and half a request is refused."""
        if self._is_refused:
            return None
        if self._is_idle():
            if self._is_partial:
                self._answer_and_close(400)
            return None
        self._break_payload()
        if self.transport is None or self.transport.get_extra_info("sslcontext") is not None:
            return None  # TLS has no half-closed connections
        self.is_half_closed = True
        # It may come after the answer was made, and before it is noticed that there is nothing more to do.
        self._loop.call_later(LOOK_AGAIN_SECONDS, self._close_when_idle)
        return True

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer for a request that could not be parsed, or an error of ours: a fixed text, never an echo."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is on its way already")
        if status == 400:
            status = status_of_parser_error(exc, self._owner.limits)
        else:
            WorkFailed("answering a request", f"{type(exc).__name__}: {exc}").emit()
            status = 500
        self._owner.count_answer(status)
        return answers.refused_for_good(status)

    def log_exception(self, *args: Any, **options: Any) -> None:
        """Say what went wrong with a connection in a line; that a client broke off is not worth one."""
        error = options.get("exc_info")
        if not isinstance(error, RequestPayloadError | ConnectionError):
            WorkFailed("serving a connection", f"{type(error).__name__}: {error}").emit()

    def _close_when_idle(self) -> None:
        if self.transport is None or self._is_refused:
            return
        if self._is_idle():
            self.force_close()
        else:
            self._loop.call_later(LOOK_AGAIN_SECONDS, self._close_when_idle)

    def _break_payload(self) -> None:
        """Nothing more comes: a body that is not whole will never be."""
        payload = self._last_payload
        if payload is not None and not payload.is_eof() and payload.exception() is None:
            payload.set_exception(RequestPayloadError("the body ended early"))

    def _is_idle(self) -> bool:
        """Whether no request is being answered or waits to be."""
        if self._messages:
            return False
        return self._request_count == 0 or (self._waiter is not None and not self._waiter.done())

    def _headers_are_late(self) -> None:
        self._header_timer = None
        if self.transport is None:
            return
        if self._is_idle():
            self._answer_and_close(408)
        elif self._is_partial:
            # The request before it is still being answered.
            self._start_header_timer()

    def _answer_and_close(self, status: int) -> None:
        if self.transport is not None:
            self._say_last(self.transport, status)

    def _start_header_timer(self) -> None:
        self._header_timer = self._loop.call_later(
            self._owner.limits.header_timeout_seconds, self._headers_are_late
        )

    def _stop_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _say_last(self, transport: asyncio.Transport, status: int) -> None:
        """Answer without a request, and take no more notice of this connection."""
        self._is_refused = True
        self._owner.count_answer(status)
        transport.write(answers.raw_refusal(status))
        if transport.can_write_eof():
            transport.write_eof()
        # Closing with bytes unread would reset the connection and take the answer with it.
        self._loop.call_later(self._owner.limits.lingering_seconds, transport.abort)


class GuardedServer(web.Server):
    """Makes a `GuardedHandler` for every connection."""

    def __init__(self, handler: Any, *, owner: GuardOwner) -> None:
        limits = owner.limits
        super().__init__(
            handler,
            auto_decompress=False,  # bodies are kept as they came
            access_log=None,
            keepalive_timeout=limits.keepalive_timeout_seconds,
            lingering_time=limits.lingering_seconds,
            max_line_size=limits.max_line_bytes,
            # One more, so that the error tells the one from the other.
            max_field_size=limits.max_line_bytes + 1,
            max_headers=limits.max_headers,
        )
        self.owner = owner

    def __call__(self) -> GuardedHandler:
        """The protocol of a new connection."""
        return GuardedHandler(self, loop=self._loop, **self._kwargs)

    def close_idle(self) -> None:
        """Close the connections that wait for a request."""
        for connection in self.connections:
            if isinstance(connection, GuardedHandler) and connection._is_idle():
                connection.force_close()


def status_of_parser_error(error: BaseException | None, limits: EdgeLimits) -> int:
    """414 or 431 where the parser's own limits were passed, 400 for everything else."""
    if isinstance(error, LineTooLong):
        return 431 if error.args[1] == limits.max_line_bytes + 1 else 414
    if isinstance(error, BadHttpMessage) and error.message.startswith(TOO_MANY_HEADERS):
        return 431
    return 400


def check_library() -> None:
    """
    Make sure that aiohttp still has what the limits are built on.

    Raises:
        LibraryChanged: It has not; its text says what is gone.
    """
    slots = {name for kind in RequestHandler.__mro__ for name in getattr(kind, "__slots__", ())}
    gone = sorted(NEEDED_ATTRIBUTES - slots)
    for method in ("connection_made", "connection_lost", "data_received", "eof_received", "handle_error"):
        if not callable(getattr(RequestHandler, method, None)):
            gone.append(method)
    if list(inspect.signature(RequestHandler.data_received).parameters) != ["self", "data"]:
        gone.append("data_received(data)")
    if gone:
        raise LibraryChanged(
            f"this aiohttp lacks {', '.join(gone)}, which the connection limits need: install 3.14"
        )
