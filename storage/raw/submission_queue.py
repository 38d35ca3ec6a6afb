"""The submissions that wait for the next commit, in order, with their waiters."""

from asyncio import Future
from collections.abc import Iterable, Sequence
from typing import Protocol

from storage.errors import StorageError, WriterBusy
from storage.raw.commit_thread import RECORD_OVERHEAD_BYTES, record_bytes
from storage.raw.framing import MAX_BODY_BYTES
from storage.raw.record_frames import RawRecord

MAX_WAITING_SUBMISSIONS = 4096
MAX_WAITING_BYTES = 16 << 20
MAX_BATCH_SUBMISSIONS = 1024
MAX_BATCH_BYTES = 4 << 20


class Waiter(Protocol):
    """Receives the result of one submission on the event loop."""

    def finish(self, error: StorageError | None, /) -> None:
        """
        Report that the submission would survive a power cut, or with *error* that it was not kept.

        Called once.  Must not raise.
        """


class FutureWaiter:
    """A waiter that sets the result of a future."""

    def __init__(self, result: "Future[None]") -> None:
        self._result = result

    def finish(self, error: StorageError | None) -> None:
        """Set the result, unless the future was cancelled."""
        if self._result.done():
            return
        if error is None:
            self._result.set_result(None)
        else:
            self._result.set_exception(error)


class SubmissionQueue:
    """Submissions and their waiters, bounded in number and in bytes."""

    def __init__(self) -> None:
        self._records: list[RawRecord] = []
        self._waiters: list[Waiter] = []
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._records)

    def add(self, record: RawRecord, waiter: Waiter) -> None:
        """
        Append *record*; an empty queue accepts one of any size.

        Raises:
            WriterBusy: The queue is full.
            ValueError: It is larger than the format allows.
        """
        size = len(record.text) - record.start + RECORD_OVERHEAD_BYTES
        if self._records and (
            len(self._records) >= MAX_WAITING_SUBMISSIONS or self.size_bytes + size > MAX_WAITING_BYTES
        ):
            raise WriterBusy("too many submissions wait for the disk")
        if size > MAX_BODY_BYTES:
            raise ValueError("a submission is larger than a raw record may be")
        self._records.append(record)
        self._waiters.append(waiter)
        self.size_bytes += size

    def take_batch(self) -> tuple[list[RawRecord], list[Waiter], int]:
        """Remove and return the records of the next commit, at least one, their waiters, and their bytes."""
        records, waiters = self._records, self._waiters
        count = len(records)
        if count <= MAX_BATCH_SUBMISSIONS and self.size_bytes <= MAX_BATCH_BYTES:
            self._records, self._waiters = [], []
            size, self.size_bytes = self.size_bytes, 0
            return records, waiters, size
        count = _batch_length(records)
        self._records, self._waiters = records[count:], waiters[count:]
        size = sum(map(record_bytes, records[:count]))
        self.size_bytes -= size
        return records[:count], waiters[:count], size

    def clear(self) -> list[Waiter]:
        """Drop all submissions; return their waiters."""
        waiters, self._waiters, self._records = self._waiters, [], []
        self.size_bytes = 0
        return waiters


def fail_all(waiters: Iterable[Waiter], error: StorageError) -> None:
    """Give each waiter its own copy of *error*."""
    for waiter in waiters:
        waiter.finish(type(error)(*error.args))


def _batch_length(records: Sequence[RawRecord]) -> int:
    """Return how many of *records* go into one batch: at least one."""
    total = 0
    for count, record in enumerate(records):
        total += record_bytes(record)
        if count and (count >= MAX_BATCH_SUBMISSIONS or total > MAX_BATCH_BYTES):
            return count
    return len(records)
