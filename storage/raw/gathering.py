"""How long a commit waits for further submissions that can share it."""

import asyncio
from collections.abc import Callable
from time import sleep

from storage.raw.submission_queue import MAX_BATCH_BYTES, MAX_BATCH_SUBMISSIONS, SubmissionQueue

GATHER_SECONDS = 0.001  # at most
MIN_GATHERED = 8  # submissions; fewer do not wait
PAUSE_SECONDS = 0.0003  # at the beginning, the loop does not wake for each arrival


class Gathering:
    """
    The wait before a commit that many clients share.

    Clients that were just answered send again.  When as many submissions wait as clients took part in the
    last commit or waited behind it, all of them share one sync.

    Args:
        queue: What waits for the commit; it calls when there is enough.
        on_end: Called after `GATHER_SECONDS`.
    """

    def __init__(self, queue: SubmissionQueue, on_end: Callable[[], None]) -> None:
        self._queue = queue
        self._on_end = on_end
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        """Whether a commit waits."""
        return self._timer is not None

    def begin(self, wanted: int, *, pauses: bool) -> bool:
        """
        Wait for *wanted* submissions; return False if these are too few to wait for.

        Args:
            pauses: Whether the loop sleeps for `PAUSE_SECONDS` first.
        """
        if wanted < MIN_GATHERED:
            return False
        self._queue.call_at(min(wanted, MAX_BATCH_SUBMISSIONS), MAX_BATCH_BYTES)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(GATHER_SECONDS, self._on_end)
        if pauses:
            loop.call_soon(self._pause)  # when the answers of the last commit have been sent
        return True

    def _pause(self) -> None:
        if self.is_open:
            sleep(PAUSE_SECONDS)

    def end(self) -> None:
        """Wait no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._queue.call_never()
