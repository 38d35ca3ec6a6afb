"""Brings the results of commits from the thread of the raw writer to the event loop."""

import asyncio
from collections.abc import Callable
from queue import Empty, SimpleQueue

from storage.errors import StorageError
from storage.raw.commit_thread import Commit
from storage.raw.gathering import MIN_GATHERED

WAIT_SECONDS = 0.001  # nothing else of the loop is late by more
MAX_WAITS = 10  # for one commit: with a disk that is slow or stalled the loop then runs as usual
MAX_MEAN_BYTES = 8192  # of a submission: larger ones are cheaper to read as they arrive

Result = Commit | StorageError


class CommitResults:
    """
    Calls *on_result* on the event loop with the result of each commit.

    While a commit runs, the loop can do little with a submission but queue it, and would wake up for nearly
    every one.  If many share the commit, the loop waits for its result instead, and reads what has arrived
    meanwhile in one turn.

    Args:
        on_result: Called once for each result.  Must not raise.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, on_result: Callable[[Result], None]) -> None:
        self._loop = loop
        self._on_result = on_result
        self._results: SimpleQueue[Result] = SimpleQueue()
        self.are_small = False  # the submissions of the last commit are many, and small
        self._waits_left = 0
        self._is_wait_due = False  # in the next turn of the loop
        self._is_waiting = False
        self._begin: Callable[[], None] | None = None  # of a commit that begins with the wait

    def put(self, result: Result) -> None:
        """Hand over *result*; called in the thread."""
        self._results.put(result)
        if not self._is_waiting:
            self._loop.call_soon_threadsafe(self._take)

    def expect(self, submissions: int, size_bytes: int, begin: Callable[[], None]) -> None:
        """
        Call *begin*, which begins a commit, and wait for its result; both perhaps in the next turn.

        Args:
            submissions: How many share the commit.
            size_bytes: Their size.
        """
        self.are_small = submissions >= MIN_GATHERED and size_bytes <= submissions * MAX_MEAN_BYTES
        if self.are_small:
            # As the loop goes to sleep: awake before, the thread would wait for the interpreter's lock.
            self._begin = begin
            self._waits_left = MAX_WAITS
            self._wait_soon()
        else:
            begin()

    def _wait_soon(self) -> None:
        if not self._is_wait_due:
            self._is_wait_due = True
            self._loop.call_soon(self._wait)

    def _wait(self) -> None:
        self._is_wait_due = False
        begin, self._begin = self._begin, None
        if begin is not None:
            begin()
        if not self._waits_left:
            return
        self._is_waiting = True
        result = self._next(WAIT_SECONDS)
        self._is_waiting = False
        if result is None:
            # A result that came before the flag was cleared did not wake the loop: it is taken here.
            result = self._next(None)
        if result is None:
            self._waits_left -= 1
            self._wait_soon()
        else:
            # What has arrived is read first: a larger commit is next.
            self._loop.call_soon(self._finish, result)

    def _next(self, seconds: float | None) -> Result | None:
        try:
            return self._results.get(seconds is not None, seconds)
        except Empty:
            return None

    def _take(self) -> None:
        try:
            result = self._results.get_nowait()
        except Empty:
            return  # `_wait` took it
        self._finish(result)

    def _finish(self, result: Result) -> None:
        self._waits_left = 0
        self._on_result(result)
