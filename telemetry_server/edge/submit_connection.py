"""
The part of a fast connection that runs for every submission: in C where that was built, else in Python.

The classes here are the reference; tests check that both do the same.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from storage.errors import StorageError
from storage.raw.record_frames import RawRecord
from storage.raw.submission_queue import Waiter
from telemetry_server.edge.whole_request import WholeRequest


class PlainMemory:
    """The bytes that a worker holds for its clients, and their limit."""

    __slots__ = ("held_bytes", "max_bytes")
    held_bytes: int
    max_bytes: int


class PlainActivity:
    """The requests that a worker is answering, and whether it ends."""

    __slots__ = ("active_requests", "is_draining")
    active_requests: int
    is_draining: bool


class PlainLane:
    """
    What the connections of a worker share.

    Args:
        read_whole: Returns the record of a plain submit that arrived whole; None for anything else.
        take: As `SubmissionWriter.take`.
        time: Returns the time of the event loop.
        stored_namespaces: Gets the namespace of each submission that is on disk.
    """

    __slots__ = (
        "activity",
        "keepalive_seconds",
        "kept",
        "kept_until",
        "max_requests",
        "memory",
        "read_whole",
        "stored_namespaces",
        "take",
        "time",
    )

    def __init__(
        self,
        counts: tuple[PlainMemory, PlainActivity],
        read_whole: Callable[[bytes], WholeRequest | None],
        take: Callable[[RawRecord, Waiter], None],
        time: Callable[[], float],
        stored_namespaces: list[str],
    ) -> None:
        self.memory, self.activity = counts
        self.read_whole = read_whole
        self.take = take
        self.time = time
        self.stored_namespaces = stored_namespaces
        self.keepalive_seconds = 0.0
        self.max_requests = 0  # on a connection
        self.kept = b""
        self.kept_until = 0.0  # `kept` is the answer before this moment of the loop


class PlainConnection:
    """
    A connection that is the waiter of its submission: at most one waits for the disk at a time.

    Subclasses define what happens in unusual cases: `_receive`, `_answer` and `_wait_until`.
    """

    __slots__ = (
        "_answered",
        "_deadline",
        "_fast_path",
        "_is_choked",
        "_is_half_closed",
        "_is_head_late_at_deadline",
        "_is_last",
        "_is_over",
        "_is_paused",
        "_is_waiting",
        "_kept_bytes",
        "_namespace",
        "_pending",
        "_request",
        "_timer",
        "_timer_at",
        "_transport",
    )

    def __init__(self, fast_path: PlainLane) -> None:
        self._fast_path = fast_path
        self._transport: asyncio.Transport | None = None
        self._pending = b""  # input that belongs to no request yet
        self._request: object | None = None  # its body is arriving
        self._is_waiting = False  # for the disk; the next three are of that submission
        self._namespace = ""
        self._kept_bytes = 0  # of its body
        self._is_last = False  # the client asks to close the connection after it
        self._answered = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._deadline = 0.0
        self._is_head_late_at_deadline = True  # False: the connection is idle, and is closed at the deadline
        self._is_over = False  # further input is ignored
        self._is_paused = False  # more input arrived at once than is kept
        self._is_choked = False  # the client does not read its answers
        self._is_half_closed = False

    def data_received(self, data: bytes) -> None:
        """Queue *data* for the disk if it is exactly one plain submit; `_receive` anything else."""
        if self._is_over:
            return
        is_between = not (self._is_waiting or self._is_choked or self._pending) and self._request is None
        if not is_between or not self._keep_whole(data):
            self._receive(data)

    def _keep_whole(self, received: bytes) -> bool:
        """
        Queue *received* for the disk if it is exactly one plain submit; return whether it was queued.

        False also for a submit that is not admitted: `_receive` handles every unusual case.
        """
        lane = self._fast_path
        whole = lane.read_whole(received)
        if whole is None:
            return False
        record, namespace, body_bytes, is_last = whole
        memory, activity = lane.memory, lane.activity
        if activity.is_draining or memory.held_bytes + body_bytes > memory.max_bytes:
            return False
        try:
            lane.take(record, self)
        except StorageError:
            return False
        memory.held_bytes += body_bytes
        activity.active_requests += 1
        self._is_waiting = True
        self._namespace = namespace
        self._kept_bytes = body_bytes
        self._is_last = is_last
        return True

    def finish(self, error: StorageError | None, /) -> None:
        """Answer the submission: it is on disk, or was not kept because of *error*."""
        lane = self._fast_path
        activity = lane.activity
        self._is_waiting = False
        activity.active_requests -= 1
        lane.memory.held_bytes -= self._kept_bytes
        if error is None:
            lane.stored_namespaces.append(self._namespace)
        now, transport = lane.time(), self._transport
        if (
            error is not None
            or transport is None
            or self._is_over
            or self._is_last
            or self._is_half_closed
            or self._is_paused
            or self._pending
            or self._answered + 1 >= lane.max_requests
            or activity.is_draining
            or now >= lane.kept_until
        ):
            self._answer(error)
            return
        self._answered += 1
        transport.write(lane.kept)
        self._is_head_late_at_deadline = False
        self._deadline = deadline = now + lane.keepalive_seconds
        if self._timer is None or self._timer_at > deadline:
            self._wait_until(deadline)

    def _receive(self, data: bytes) -> None:
        """Continue the request under way, or begin one."""
        raise NotImplementedError

    def _answer(self, error: StorageError | None) -> None:
        """Answer the submission as *error* says; it is counted as stored, and does not wait any more."""
        raise NotImplementedError

    def _wait_until(self, deadline: float) -> None:
        """Look at the time at *deadline*."""
        raise NotImplementedError


Memory = PlainMemory
Activity = PlainActivity
Lane = PlainLane
Connection = PlainConnection
if not TYPE_CHECKING:
    with suppress(ImportError):
        from telemetry_server.edge import _connection

        Memory, Activity = _connection.Memory, _connection.Activity
        Lane, Connection = _connection.Lane, _connection.Connection
IS_COMPILED = Connection is not PlainConnection
