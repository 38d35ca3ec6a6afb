"""Brings the results of commits from the thread of the raw writer to the event loop."""

import asyncio
from collections.abc import Callable

from storage.raw.gathering import MIN_GATHERED
from storage.raw.handover import PlainHandover, Result
from storage.raw.record_frames import RawRecord

WAIT_SECONDS = 0.001  # nothing else of the loop is late by more
MAX_WAITS = 10  # for one commit: with a disk that is slow or stalled the loop then runs as usual
MAX_MEAN_BYTES = 8192  # of a submission: larger ones are cheaper to read as they arrive


class CommitResults:
    """
    Calls *on_result* on the event loop with the result of each commit.

    While a commit runs, the loop can do little with a submission but queue it, and would wake up for nearly
    every one.  If many share the commit, the loop waits for its result instead, and reads what has arrived
    meanwhile in one turn.

    Args:
        handover: It does the commits, and calls `take` on the event loop to wake it up.
        on_result: Called once for each result.  Must not raise.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        handover: PlainHandover,
        on_result: Callable[[Result], None],
    ) -> None:
        self._loop = loop
        self._handover = handover
        self._on_result = on_result
        self.are_small = False  # the submissions of the last commit are many, and small
        self._waits_left = 0
        self._is_wait_due = False  # in the next turn of the loop

    def expect(self, records: list[RawRecord], size_bytes: int) -> None:
        """Begin a commit of *records*, of *size_bytes*, and wait for its result from the next turn on."""
        submissions = len(records)
        self._handover.begin(records, size_bytes)
        self.are_small = submissions >= MIN_GATHERED and size_bytes <= submissions * MAX_MEAN_BYTES
        if self.are_small:
            self._waits_left = MAX_WAITS
            self._wait_soon()

    def take(self) -> None:
        """Take a result that woke the loop up, unless a wait took it."""
        result = self._handover.wait(0)
        if result is not None:
            self._finish(result)

    def _wait_soon(self) -> None:
        if not self._is_wait_due:
            self._is_wait_due = True
            self._loop.call_soon(self._wait)

    def _wait(self) -> None:
        self._is_wait_due = False
        if not self._waits_left:
            return
        result = self._handover.wait(WAIT_SECONDS)
        if result is None:
            self._waits_left -= 1
            self._wait_soon()
        else:
            # What has arrived is read first: a larger commit is next.
            self._loop.call_soon(self._finish, result)

    def _finish(self, result: Result) -> None:
        self._waits_left = 0
        self._on_result(result)
