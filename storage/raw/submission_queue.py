"""
The submissions that wait for the next commit, in order, with their waiters.

What runs for every submission is in C where that was built; `PlainQueue` is the reference.
"""

from asyncio import Future
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from sys import maxsize
from typing import TYPE_CHECKING, Protocol

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


class PlainQueue:
    """
    Records and their waiters, bounded in number and in bytes.

    Subclasses define `_refuse`.

    Args:
        on_enough: Called by `add` when `enough_submissions` wait, or `enough_bytes`.
        max_submissions, max_bytes: The bounds; an empty queue accepts a record of any size.
        max_record_bytes: The largest record.
        overhead_bytes: What each record counts beside its body.
    """

    __slots__ = (
        "_limits",
        "_on_enough",
        "_overhead_bytes",
        "_records",
        "_waiters",
        "enough_bytes",
        "enough_submissions",
        "is_open",
        "size_bytes",
    )

    def __init__(
        self,
        on_enough: Callable[[], None],
        max_submissions: int,
        max_bytes: int,
        max_record_bytes: int,
        overhead_bytes: int,
    ) -> None:
        self._on_enough = on_enough
        self._limits = max_submissions, max_bytes, max_record_bytes
        self._overhead_bytes = overhead_bytes
        self._records: list[RawRecord] = []
        self._waiters: list[Waiter] = []
        self.size_bytes = 0
        self.enough_submissions = self.enough_bytes = 1
        self.is_open = True  # False: every record is refused

    def add(self, record: RawRecord, waiter: Waiter, /) -> None:
        """Append *record*; `_refuse` one that may not wait."""
        size = len(record.text) - record.start + self._overhead_bytes
        waiting = len(self._records)
        max_submissions, max_bytes, max_record_bytes = self._limits
        is_full = waiting >= max_submissions or self.size_bytes + size > max_bytes
        if not self.is_open or size > max_record_bytes or (waiting and is_full):
            self._refuse(record)
            return
        self._records.append(record)
        self._waiters.append(waiter)
        self.size_bytes += size
        if waiting + 1 >= self.enough_submissions or self.size_bytes >= self.enough_bytes:
            self._on_enough()

    def _refuse(self, record: RawRecord) -> None:
        """Raise why *record* may not wait."""
        raise NotImplementedError


Queue = PlainQueue
if not TYPE_CHECKING:
    with suppress(ImportError):
        from storage.raw import _queue

        Queue = _queue.Queue
IS_COMPILED = Queue is not PlainQueue


class SubmissionQueue(Queue):
    """
    The submissions of a writer that wait for the next commit.

    Args:
        on_enough: Called by `add` when as many wait as `call_at` says.
        refusal: Returns why nothing is accepted while `is_open` is false.
    """

    __slots__ = ("_refusal",)

    def __init__(self, on_enough: Callable[[], None], refusal: Callable[[], StorageError]) -> None:
        super().__init__(
            on_enough, MAX_WAITING_SUBMISSIONS, MAX_WAITING_BYTES, MAX_BODY_BYTES, RECORD_OVERHEAD_BYTES
        )
        self._refusal = refusal

    def __len__(self) -> int:
        return len(self._records)

    def call_at(self, submissions: int, size_bytes: int) -> None:
        """Call *on_enough* in each `add` after which so many *submissions* wait, or *size_bytes*."""
        self.enough_submissions = submissions
        self.enough_bytes = size_bytes

    def call_never(self) -> None:
        """Call *on_enough* no more, until `call_at`."""
        self.call_at(maxsize, maxsize)

    def _refuse(self, record: RawRecord) -> None:
        if not self.is_open:
            raise self._refusal()
        if record_bytes(record) > MAX_BODY_BYTES:
            raise ValueError("a submission is larger than a raw record may be")
        raise WriterBusy("too many submissions wait for the disk")

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
