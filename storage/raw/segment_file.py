"""Writes one segment, and rotates from one segment to the next, without threads."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from time import monotonic, time
from types import TracebackType
from typing import Self

from storage.disk import Disk
from storage.errors import WriterDead
from storage.raw.framing import (
    FILE_HEADER_BYTES,
    FileHeader,
    RecordType,
    frame_mark,
    record_prefix,
)
from storage.raw.handover import Place
from storage.raw.record_frames import RawRecord, frame, record_of
from storage.raw.segment_paths import SegmentPath, new_boot_id, segment_path
from storage.raw.submission import Submission

MAX_SEGMENT_BYTES = 128 << 20
MAX_SEGMENT_AGE_SECONDS = 300.0
SEAL_REQUEST = ".seal"
"""A file in raw/: when it changes, writers seal their open segments."""


class SegmentFile:
    """
    A segment that this process writes and holds the lock of.

    It gets its name only when it is locked and its header is on disk, so that
    a reader never takes it for an abandoned one.
    Every method raises `OSError` as the disk raises it, and `WriterDead` if a
    sync failed; after either, the file must be closed and not changed again.
    """

    def __init__(self, place: SegmentPath, descriptor: int, disk: Disk) -> None:
        self.place = place
        self.opened_at = monotonic()
        self.length_bytes = FILE_HEADER_BYTES
        self.submissions = 0
        self._prefix = record_prefix(place.boot_id)
        self._descriptor = descriptor
        self._direct_descriptor: int | None = None  # not opened yet
        self._disk = disk

    @classmethod
    def create(cls, place: SegmentPath, *, disk: Disk, now: datetime) -> Self:
        """Create the segment at *place* and its directories, durably."""
        disk.make_directories(place.path.parent)
        unfinished = place.path.with_name(f".{place.path.name}.new")
        descriptor = disk.create(unfinished)
        try:
            disk.lock(descriptor)
            header = FileHeader(place.worker, place.boot_id, place.number, now)
            disk.write(descriptor, [header.packed()])
            _sync_or_die(disk.sync, descriptor)
            disk.rename_new(unfinished, place.path)
            _sync_or_die(disk.sync_directory, place.path.parent)
            # The process that created the day's folder may have died before it synced the name.
            _sync_or_die(disk.sync_directory, place.path.parent.parent)
        except BaseException:
            disk.close(descriptor)
            with suppress(OSError):
                disk.unlink(unfinished)
            raise
        return cls(place, descriptor, disk)

    def append(self, submissions: Sequence[Submission]) -> int:
        """Write *submissions* as `append_records` does."""
        return self.append_records([record_of(submission) for submission in submissions])

    def append_records(self, records: list[RawRecord]) -> int:
        """Write *records* and their batch commit, unsynced; return the number of bytes."""
        buffers, submissions_after = frame(records, self.length_bytes, self._prefix, self.submissions)
        written = self._disk.write(self._descriptor, buffers)
        self.length_bytes += written
        self.submissions = submissions_after
        return written

    def place_until(self, max_bytes: int, until: float, room_bytes: int) -> Place:
        """Return where records may be written until the segment has *max_bytes*, or the time is over."""
        if self._direct_descriptor is None:
            self._direct_descriptor = self._disk.open_direct(self.place.path)
        descriptors = self._descriptor, self._direct_descriptor
        state = self.length_bytes, self.submissions
        return Place(*descriptors, self.place.day, self._prefix, *state, max_bytes, until, room_bytes)

    def advance(self, submissions: int, written_bytes: int) -> None:
        """Note what was written at that place."""
        self.submissions += submissions
        self.length_bytes += written_bytes

    def sync(self) -> None:
        """Return once everything appended would survive a power cut."""
        _sync_or_die(self._disk.sync_data, self._descriptor)

    def seal(self) -> None:
        """Write the seal, sync and close; nothing may follow it."""
        try:
            mark = frame_mark(
                RecordType.SEAL, offset=self.length_bytes, prefix=self._prefix, sequence=self.submissions
            )
            self._disk.write(self._descriptor, [mark])
            _sync_or_die(self._disk.sync_data, self._descriptor)
        finally:
            self.close()

    def close(self) -> None:
        """Close and unlock the file without a seal."""
        direct, self._direct_descriptor = self._direct_descriptor, -1
        if direct is not None and direct >= 0:
            with suppress(OSError):  # all its bytes are synced
                self._disk.close(direct)
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            self._disk.close(descriptor)


class SegmentSeries:
    """
    The segments of one writer, one after the other: rotated by size, age and day.

    Synchronous; for `RawWriter`'s thread and for imports.  Use it with
    ``with``: leaving seals the open segment, or abandons it on an error.

    Args:
        raw: The raw store's folder.
        worker: This writer's number, for names only.
        now: The wall clock, only for folder names and the times in headers.
    """

    def __init__(
        self,
        raw: Path,
        *,
        worker: int,
        disk: Disk | None = None,
        now: datetime | None = None,
        max_segment_bytes: int = MAX_SEGMENT_BYTES,
        max_segment_age_seconds: float = MAX_SEGMENT_AGE_SECONDS,
    ) -> None:
        self.raw = raw
        self.open: SegmentFile | None = None
        self._worker = worker
        self._disk = disk or Disk()
        self._boot_id = new_boot_id(now or datetime.now(UTC))
        self._number = 0
        self._max_bytes = max_segment_bytes
        self._max_age_seconds = max_segment_age_seconds
        self._seal_asked_at = 0  # of `SEAL_REQUEST`, when the open segment began; ns

    def append(self, submissions: Sequence[Submission], *, day: date) -> int:
        """Write *submissions* as `append_records` does."""
        return self.append_records([record_of(submission) for submission in submissions], day=day)

    def append_records(self, records: list[RawRecord], *, day: date) -> int:
        """
        Write *records*, unsynced, to the segment of *day*; start a new segment if the open one is due.

        Returns:
            The number of bytes written.
        """
        if self.is_due(day):
            self.seal()
        if self.open is None:
            self._number += 1
            place = segment_path(
                self.raw, day=day, worker=self._worker, boot_id=self._boot_id, number=self._number
            )
            self._seal_asked_at = _seal_asked_at(self.raw)
            self.open = SegmentFile.create(place, disk=self._disk, now=datetime.now(UTC))
        return self.open.append_records(records)

    def place(self, room_bytes: int) -> Place | None:
        """Return where records may be written while the open segment is not due; None with another `Disk`."""
        segment = self.open
        if segment is None or type(self._disk) is not Disk:
            return None
        return segment.place_until(self._max_bytes, segment.opened_at + self._max_age_seconds, room_bytes)

    def advance(self, submissions: int, written_bytes: int) -> None:
        """Note what was written at `place`."""
        if self.open is not None:
            self.open.advance(submissions, written_bytes)

    def is_due(self, day: date) -> bool:
        """Return whether the open segment should be sealed before anything of *day* is written."""
        segment = self.open
        return segment is not None and (
            segment.length_bytes >= self._max_bytes
            or segment.place.day != day
            or monotonic() - segment.opened_at >= self._max_age_seconds
        )

    def is_asked_to_seal(self) -> bool:
        """Return whether another process asked for a new segment since the open one began."""
        return self.open is not None and _seal_asked_at(self.raw) != self._seal_asked_at

    @property
    def due_in_seconds(self) -> float | None:
        """Return the seconds until the open segment is too old; None if none is open."""
        if self.open is None:
            return None
        return max(0.0, self.open.opened_at + self._max_age_seconds - monotonic())

    def sync(self) -> None:
        """Return once everything appended would survive a power cut."""
        if self.open is not None:
            self.open.sync()

    def seal(self) -> None:
        """Seal the open segment, if there is one."""
        segment, self.open = self.open, None
        if segment is not None:
            segment.seal()

    def abandon(self) -> None:
        """Close the open segment without a seal; readers treat its end as torn."""
        segment, self.open = self.open, None
        if segment is not None:
            # Nothing more is promised of it.  The error before this one is the one to report.
            with suppress(OSError):
                segment.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.seal()
        else:
            self.abandon()


def ask_to_seal(raw: Path, disk: Disk) -> None:
    """Ask the writers of *raw* to seal their open segments; they do so within a few seconds."""
    path = raw / SEAL_REQUEST
    disk.unlink(path)
    disk.close(disk.create(path))


def _seal_asked_at(raw: Path) -> int:
    try:
        return (raw / SEAL_REQUEST).stat().st_mtime_ns
    except OSError:
        return 0


def remove_unfinished_segments(raw: Path, *, older_than_seconds: float = 60.0) -> None:
    """Remove unfinished segments of writers that were killed."""
    for path in raw.glob("*/.*.tlg.new"):
        with suppress(OSError), path.open("rb") as unfinished:
            # The lock shows a live writer; the age does not, as the clock may jump.
            Disk().lock(unfinished.fileno())
            if time() - path.lstat().st_mtime > older_than_seconds:
                path.unlink()


def _sync_or_die(sync: Callable[..., None], what: int | Path) -> None:
    try:
        sync(what)
    except OSError as error:
        raise sync_failure(error) from error


def sync_failure(error: OSError) -> WriterDead:
    """Return what a failed sync means."""
    return WriterDead(f"the raw store could not be synced: {error.strerror or error}")
