"""The thread of the raw writer, which does all its disk operations."""

import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import attrgetter
from queue import SimpleQueue
from threading import Thread
from time import perf_counter
from typing import TypeVar

from storage.errors import StorageError, StorageFull, WriterBusy, WriterDead
from storage.raw.free_space import DiskFloor
from storage.raw.record_frames import RawRecord
from storage.raw.segment_file import SegmentSeries

Result = TypeVar("Result")

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
RECORD_OVERHEAD_BYTES = 512  # estimate for header and frame, good enough for limits of memory and space
PASSING = frozenset({errno.EINTR, errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM})


@dataclass(frozen=True, slots=True)
class Commit:
    """A batch that is on disk."""

    submissions: int
    written_bytes: int
    seconds: float


def record_bytes(record: RawRecord) -> int:
    """Return about how many bytes *record* takes."""
    return record.body_bytes + RECORD_OVERHEAD_BYTES


class CommitThread:
    """
    Runs jobs one after the other in a thread, among them the commits.

    All public methods but `submit` and `stop` run in that thread only.  After a failed
    sync, or a failed write without a known reason, nothing is written or synced any
    more: the content of the file is unknown until it is read again.
    """

    def __init__(self, series: SegmentSeries, floor: DiskFloor) -> None:
        self.series = series
        self.floor = floor
        self.death: WriterDead | None = None
        self._jobs: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name="raw-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[], Result], on_done: Callable[[Result], object]) -> None:
        """Run *job* after earlier jobs, then *on_done* with its result; neither may raise."""
        self._jobs.put(lambda: on_done(job()))

    def stop(self) -> None:
        """Wait until the thread has ended after its last job."""
        self._jobs.put(None)
        self._thread.join()

    def commit(self, records: list[RawRecord], size_bytes: int) -> Commit | StorageError:
        """Write and sync *records* of about *size_bytes*; return the commit, or the error for all of them."""
        if self.death is not None:
            return self.death
        if not self.floor.admit(size_bytes):
            return StorageFull("the disk has less free space than min_free_bytes")
        started = perf_counter()
        series = self.series
        written = 0
        try:
            for day, of_day in _by_day(records):
                written += series.append_records(of_day, day=day)
            series.sync()
        except Exception as error:
            return self._failed(error)
        return Commit(len(records), written, perf_counter() - started)

    def check_disk(self, day: date) -> float | None:
        """Check the free space; seal a segment that is due.  Return the seconds until the next seal."""
        self.floor.check()
        if self.death is None and (self.series.is_due(day) or self.series.is_asked_to_seal()):
            self.seal()
        return self.series.due_in_seconds

    def finish(self) -> None:
        """Seal the last segment and release the reserved space."""
        self.seal()
        self.floor.release()

    def seal(self) -> None:
        """Seal the open segment; on a full disk the reserved space is released first."""
        if self.death is not None:
            self.series.abandon()
            return
        if self.floor.is_low:
            self.floor.release()
        try:
            self.series.seal()
        except Exception as error:
            self._failed(error)

    def _failed(self, error: Exception) -> StorageError:
        self.series.abandon()
        number = error.errno if isinstance(error, OSError) else None
        if number in NO_ROOM:
            self.floor.declare_low()
            return StorageFull("the disk is full")
        if number in PASSING:
            return WriterBusy(f"a temporary error of the disk: {error}")
        if not isinstance(error, WriterDead):
            error = WriterDead(f"the raw store could not be written: {error}")
        self.death = error
        return error

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def _by_day(records: list[RawRecord]) -> Iterator[tuple[date, list[RawRecord]]]:
    first = records[0].day
    if records[-1].day == first:
        yield first, records
        return
    in_order = sorted(records, key=attrgetter("day"))
    for day, of_day in groupby(in_order, key=attrgetter("day")):
        yield day, list(of_day)
