"""The part of a fast connection that waits for the disk, and answers."""

from typing import TYPE_CHECKING

from storage.errors import StorageError
from telemetry_server.edge import responses
from telemetry_server.edge.timed_connection import TimedConnection

if TYPE_CHECKING:
    from telemetry_server.edge.fast_path import FastPath


class AnsweringConnection(TimedConnection):
    """A connection that is the waiter of its submission: at most one waits for the disk at a time."""

    __slots__ = (
        "_answered",
        "_fast_path",
        "_is_half_closed",
        "_is_head_late_at_deadline",
        "_is_last",
        "_is_waiting",
        "_kept_bytes",
        "_namespace",
    )

    def __init__(self, fast_path: "FastPath") -> None:
        super().__init__(fast_path.edge, fast_path.loop)
        self._fast_path = fast_path
        self._is_waiting = False  # for the disk; the next three are of that submission
        self._namespace = ""
        self._kept_bytes = 0  # of its body
        self._is_last = False  # the client asks to close the connection after it
        self._answered = 0
        self._is_head_late_at_deadline = True  # False: the connection is idle, and is closed at the deadline
        self._is_half_closed = False

    def finish(self, error: StorageError | None) -> None:
        """Answer the submission: it is on disk, or was not kept because of *error*."""
        # Not split into functions: this runs for every submission.
        fast_path = self._fast_path
        edge = fast_path.edge
        self._is_waiting = False
        edge.active_requests -= 1
        fast_path.memory.held_bytes -= self._kept_bytes
        if error is None:
            status = 200
            fast_path.stored_namespaces.append(self._namespace)
        else:
            status = responses.status_of(error)
            edge.tally.count_answer(status)
        transport = self._transport
        if self._is_over or transport is None:
            return
        self._answered += 1
        closes = (
            self._is_last
            or self._answered >= fast_path.max_requests
            or edge.is_draining
            or (self._is_half_closed and not self._pending)
        )
        now = fast_path.time()
        if status != 200:
            transport.write(responses.raw_refusal(status, closes=closes))
        elif closes:
            transport.write(fast_path.kept_answer(now, closes=True))
        else:
            transport.write(fast_path.kept if now < fast_path.kept_until else fast_path.kept_answer(now))
        if closes:
            self._leave()
            transport.close()
            return
        if self._pending or self._is_paused:
            # Later: the writer is still answering others.
            fast_path.loop.call_soon(self._begin_next)
        self._is_head_late_at_deadline = False
        self._deadline = deadline = now + fast_path.keepalive_seconds
        if self._timer is None or self._timer_at > deadline:
            self._wait_until(deadline)
