"""A connection of the fast path without its requests: its place in the counts, deadlines, flow control."""

import asyncio
from typing import Protocol, cast

from telemetry_server.edge.client_memory import ClientMemory
from telemetry_server.edge.connection_closing import UnreadAnswers, close_after_last_answer
from telemetry_server.edge.limits import EdgeLimits


class ConnectionCounts(Protocol):
    """What the connections of a worker share."""

    limits: EdgeLimits
    memory: ClientMemory
    open_connections: int


class TimedConnection(asyncio.Protocol):
    """
    A connection that is counted, has one deadline at a time, and pauses while its answers are not read.

    Subclasses read requests; they define `_look_at_the_time` and `_begin_next`.
    """

    __slots__ = (
        "_counts",
        "_deadline",
        "_is_choked",
        "_is_counted",
        "_is_over",
        "_is_paused",
        "_loop",
        "_pending",
        "_timer",
        "_timer_at",
        "_transport",
        "_unread",
    )

    def __init__(self, counts: ConnectionCounts, loop: asyncio.AbstractEventLoop) -> None:
        self._counts = counts
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._pending = b""  # input that belongs to no request yet
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._deadline = 0.0
        self._is_counted = False
        self._is_over = False  # further input is ignored
        self._is_paused = False  # more input arrived at once than is kept
        self._is_choked = False  # the client does not read its answers
        self._unread: UnreadAnswers | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, and give its first head its time."""
        self._transport = connection = cast(asyncio.Transport, transport)
        counts = self._counts
        counts.open_connections += 1
        self._is_counted = True
        self._unread = UnreadAnswers(connection, counts.memory, counts.limits, self._held_input_bytes)
        self._wait_until(self._loop.time() + counts.limits.header_timeout_seconds)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Give back the place of this connection, and all that it holds."""
        self._leave()
        self._release()
        self._transport = None

    def pause_writing(self) -> None:
        """Begin no request, and read nothing, until the client reads its answers."""
        self._is_choked = True
        if self._unread is not None:
            self._unread.begin()
        if not self._is_over:
            self._pause_reading()

    def resume_writing(self) -> None:
        """Continue: the client has read its answers."""
        self._is_choked = False
        if self._unread is not None:
            self._unread.end()
        self._begin_next()

    def abort(self) -> None:
        """Cut the connection off."""
        if self._transport is not None:
            self._transport.abort()
        self._leave()

    def _look_at_the_time(self) -> None:
        """Act on the deadline, which may have moved; called by the timer."""
        raise NotImplementedError

    def _begin_next(self) -> None:
        """Begin the next request, if none is under way and its bytes are here."""
        raise NotImplementedError

    def _leave(self) -> None:
        """Ignore further input; the connection counts until it is closed."""
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _release(self) -> None:
        """Count this connection no more, neither its place nor its unread answers."""
        if self._is_counted:
            self._is_counted = False
            self._counts.open_connections -= 1
        if self._unread is not None:
            self._unread.end()
            self._unread = None  # it refers to this connection, and would keep it until garbage is collected

    def _close_after(self, answer: bytes) -> None:
        """Send *answer* as the last one, and ignore further input."""
        self._leave()
        transport = self._running_transport()
        transport.write(answer)
        self._timer = close_after_last_answer(transport, self._counts.limits)

    def _wait_until(self, deadline: float) -> None:
        # A timer that fires early waits again: a new one for each request would cost more than its head.
        self._deadline = deadline
        if self._timer is not None:
            if self._timer_at <= deadline:
                return
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self._loop.call_at(deadline, self._look_at_the_time)

    def _pause_reading(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            self._running_transport().pause_reading()

    def _held_input_bytes(self) -> int:
        return len(self._pending)

    def _running_transport(self) -> asyncio.Transport:
        assert self._transport is not None  # set from `connection_made` to `connection_lost`
        return self._transport
