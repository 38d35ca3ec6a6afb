"""The thread of the raw writer, which does all its disk operations."""

import errno
import os
from collections.abc import Callable, Iterator
from datetime import date
from itertools import groupby
from operator import attrgetter
from threading import Thread
from time import perf_counter
from typing import TypeVar

from storage.errors import StorageError, StorageFull, WriterBusy, WriterDead
from storage.raw.free_space import DiskFloor
from storage.raw.handover import Commit, Handover, Place
from storage.raw.record_frames import RawRecord
from storage.raw.segment_file import SegmentSeries, sync_failure

Result = TypeVar("Result")

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
RECORD_OVERHEAD_BYTES = 512  # estimate for header and frame, good enough for limits of memory and space
PASSING = frozenset({errno.EINTR, errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def record_bytes(record: RawRecord) -> int:
    """Return about how many bytes *record* takes."""
    return record.body_bytes + RECORD_OVERHEAD_BYTES


class CommitThread(Handover):
    """
    Does commits and other jobs one after the other in a thread.

    All public methods but `submit`, `begin`, `wait` and `stop` run in that thread only.  After a failed
    sync, or a failed write without a known reason, nothing is written or synced any
    more: the content of the file is unknown until it is read again.

    Args:
        wake: Called in the thread when there is a result and the event loop is not in `wait`.
    """

    def __init__(self, series: SegmentSeries, floor: DiskFloor, wake: Callable[[], object]) -> None:
        super().__init__(wake, Commit)
        self.series = series
        self.floor = floor
        self.death: WriterDead | None = None
        self._thread = Thread(target=self.work, name="raw-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[], Result], on_done: Callable[[Result], object]) -> None:
        """Run *job* after earlier work, then *on_done* with its result; neither may raise."""
        self.put(lambda: on_done(job()))

    def stop(self) -> None:
        """Wait until the thread has ended after its last job."""
        self.put(None)
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

    def place(self) -> Place | None:
        """Return where usual commits go, which then need none of the methods of this class."""
        return None if self.death is not None else self.series.place(self.floor.unchecked_bytes)

    def advance(self, submissions: int, written_bytes: int, size_bytes: int) -> None:
        """Note what usual commits wrote."""
        self.floor.note_written(size_bytes)
        self.series.advance(submissions, written_bytes)

    def fail(self, error_number: int, is_sync: bool) -> StorageError:
        """Return the result of a usual commit whose write or sync failed."""
        error = OSError(error_number, os.strerror(error_number))
        return self._failed(sync_failure(error) if is_sync else error)

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


def _by_day(records: list[RawRecord]) -> Iterator[tuple[date, list[RawRecord]]]:
    first = records[0].day
    if records[-1].day == first:
        yield first, records
        return
    in_order = sorted(records, key=attrgetter("day"))
    for day, of_day in groupby(in_order, key=attrgetter("day")):
        yield day, list(of_day)
