"""The part of a fast connection that is not about requests: counting, deadlines, flow control."""

import asyncio
from typing import cast

from telemetry_server.edge.connection_closing import ConnectionOwner, UnreadAnswers, refuse_and_close
from telemetry_server.edge.submit_connection import Connection, Lane


class TimedConnection(Connection, asyncio.Protocol):
    """
    A connection that is counted, has one deadline at a time, and pauses while its answers are not read.

    Subclasses read requests; they define `_look_at_the_time` and `_begin_next`.
    """

    __slots__ = ("_is_counted", "_loop", "_owner", "_unread")

    def __init__(self, lane: Lane, owner: ConnectionOwner, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(lane)
        self._owner = owner
        self._loop = loop
        self._is_counted = False
        self._unread: UnreadAnswers | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, and start the deadline of its first head."""
        self._transport = connection = cast(asyncio.Transport, transport)
        owner = self._owner
        owner.open_connections += 1
        self._is_counted = True
        self._unread = UnreadAnswers(connection, owner.memory, owner.limits, self._held_input_bytes)
        self._wait_until(self._loop.time() + owner.limits.header_timeout_seconds)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Release the place and the memory of the connection."""
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
        """Release the place of the connection and the memory of its unread answers."""
        if self._is_counted:
            self._is_counted = False
            self._owner.open_connections -= 1
        if self._unread is not None:
            self._unread.end()
            self._unread = None  # it refers to this connection: a cycle would wait for the garbage collector

    def _refuse_and_close(self, status: int) -> None:
        """Answer with *status* without a request, and ignore further input."""
        self._leave()
        self._timer = refuse_and_close(self._running_transport(), self._owner, status)

    def _wait_until(self, deadline: float) -> None:
        # A timer that fires early is set again: a new timer for each request would cost more.
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
