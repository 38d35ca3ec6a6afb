"""The submissions that wait for the next commit, in order, with their waiters."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from storage.errors import StorageError, WriterBusy
from storage.raw.commit_thread import record_bytes
from storage.raw.framing import MAX_BODY_BYTES
from storage.raw.submission import Submission

MAX_WAITING_SUBMISSIONS = 4096
MAX_WAITING_BYTES = 16 << 20
MAX_BATCH_SUBMISSIONS = 1024
MAX_BATCH_BYTES = 4 << 20


class Waiter(Protocol):
    """Receives the result of one submission, once, on the event loop; a future is one."""

    def done(self) -> bool:
        """Return whether it has its result already, or was cancelled."""

    def set_result(self, result: None, /) -> None:
        """Report that the submission would survive a power cut.  Must not raise."""

    def set_exception(self, error: StorageError, /) -> None:
        """Report that the submission was not kept.  Must not raise."""


class SubmissionQueue:
    """Submissions and their waiters, bounded in number and in bytes."""

    def __init__(self) -> None:
        self._submissions: list[Submission] = []
        self._waiters: list[Waiter] = []
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._submissions)

    def add(self, submission: Submission, waiter: Waiter) -> None:
        """
        Append *submission*; an empty queue accepts one of any size.

        Raises:
            WriterBusy: The queue is full.
            ValueError: It is larger than the format allows.
        """
        size = record_bytes(submission)
        if self._submissions and (
            len(self._submissions) >= MAX_WAITING_SUBMISSIONS or self.size_bytes + size > MAX_WAITING_BYTES
        ):
            raise WriterBusy("too many submissions wait for the disk")
        if size > MAX_BODY_BYTES:
            raise ValueError("a submission is larger than a raw record may be")
        self._submissions.append(submission)
        self._waiters.append(waiter)
        self.size_bytes += size

    def take_batch(self) -> tuple[list[Submission], list[Waiter]]:
        """Remove and return the submissions of the next commit: at least one."""
        submissions, waiters = self._submissions, self._waiters
        count = len(submissions)
        if count > MAX_BATCH_SUBMISSIONS or self.size_bytes > MAX_BATCH_BYTES:
            count = _batch_length(submissions)
        self._submissions, self._waiters = submissions[count:], waiters[count:]
        self.size_bytes = sum(map(record_bytes, self._submissions))
        return submissions[:count], waiters[:count]

    def clear(self) -> list[Waiter]:
        """Drop all submissions; return their waiters."""
        waiters, self._waiters, self._submissions = self._waiters, [], []
        self.size_bytes = 0
        return waiters


def fail_all(waiters: Iterable[Waiter], error: StorageError) -> None:
    """Give each waiter that has no result yet its own copy of *error*."""
    for waiter in waiters:
        if not waiter.done():
            waiter.set_exception(type(error)(*error.args))


def _batch_length(submissions: Sequence[Submission]) -> int:
    """Return how many of *submissions* go into one batch: at least one."""
    total = 0
    for count, submission in enumerate(submissions):
        total += record_bytes(submission)
        if count and (count >= MAX_BATCH_SUBMISSIONS or total > MAX_BATCH_BYTES):
            return count
    return len(submissions)
