"""
Removes submissions from a segment that has no writer.

Each is replaced by a record of the same length that holds zeros.  So offsets, sequence numbers and positions
stay what they were.  Damaged regions become zeros, which a scan skips like the damage.  The new segment is
written beside the old one and replaces it by a rename.
"""

import fcntl
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from storage.disk import Disk
from storage.raw.framing import (
    FILE_HEADER_BYTES,
    HEAD_BYTES,
    RecordHead,
    RecordType,
    parse_head,
    removed_record,
)
from storage.raw.reader import scan_segment

COPY_BYTES = 1 << 20
SCAN_BYTES, SCAN_RECORDS = 16 << 20, 4096


class SegmentInUse(Exception):
    """A writer may still append to the segment; nothing was changed."""


@dataclass(frozen=True, slots=True)
class _Removal:
    start: int
    end: int
    head: RecordHead | None  # of a submission; None for a damaged region


def remove_submissions(path: Path, offsets: Collection[int], disk: Disk) -> int:
    """
    Replace the submissions and damaged regions that begin at *offsets* of the segment *path*.

    Offsets of what was removed before are ignored.  A kill at any moment leaves the old or the new segment.

    Returns:
        How many were replaced.

    Raises:
        SegmentInUse: Its writer holds the lock.
        FileNotFoundError: The segment is gone.
        OSError: The disk refuses; the segment is unchanged.
    """
    source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(source, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SegmentInUse(str(path)) from None
        regions = dict(_damaged_regions(path))
        found = [
            removal
            for offset in sorted(offsets)
            if (
                removal := _region_at(source, offset, regions[offset])
                if offset in regions
                else _submission_at(source, offset)
            )
        ]
        if found:
            _replace(path, source, found, disk)
        return len(found)
    finally:
        os.close(source)


def _damaged_regions(path: Path) -> list[tuple[int, int]]:
    """Return start and end of each damaged region that a scan of *path* skips."""
    regions: list[tuple[int, int]] = []
    end, last_sequence = 0, None
    while True:
        scan = scan_segment(
            path, end, max_bytes=SCAN_BYTES, max_records=SCAN_RECORDS, last_sequence=last_sequence
        )
        regions += scan.damage.regions
        if scan.finished or scan.end == end:
            return regions
        end, last_sequence = scan.end, scan.last_sequence


def _submission_at(source: int, offset: int) -> _Removal | None:
    buffer = os.pread(source, HEAD_BYTES, offset)
    if offset < FILE_HEADER_BYTES or len(buffer) < HEAD_BYTES:
        return None
    head = parse_head(buffer, 0, buffer[:8])
    if head is None or head.type != RecordType.PING:
        return None
    return _Removal(offset, offset + head.record_bytes, head)


def _region_at(source: int, start: int, end: int) -> _Removal | None:
    """Return the region, unless it holds only zeros already."""
    for place in range(start, end, COPY_BYTES):
        if any(os.pread(source, min(COPY_BYTES, end - place), place)):
            return _Removal(start, end, None)
    return None


def _replace(path: Path, source: int, removals: list[_Removal], disk: Disk) -> None:
    unfinished = path.with_name(f".{path.name}.new")
    disk.unlink(unfinished)
    target = disk.create(unfinished)
    try:
        position = 0
        for removal in removals:
            _copy(source, target, position, removal.start, disk)
            _write_without(source, target, removal, disk)
            position = removal.end
        _copy(source, target, position, os.fstat(source).st_size, disk)
        # Retention goes by the time of the last change.
        before = os.fstat(source)
        os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
        disk.sync(target)
    finally:
        disk.close(target)
    disk.rename(unfinished, path)
    disk.sync_directory(path.parent)


def _write_without(source: int, target: int, removal: _Removal, disk: Disk) -> None:
    if removal.head is not None:
        disk.write(target, [removed_record(removal.head, os.pread(source, 8, removal.start))])
        return
    for place in range(removal.start, removal.end, COPY_BYTES):
        disk.write(target, [bytes(min(COPY_BYTES, removal.end - place))])


def _copy(source: int, target: int, start: int, end: int, disk: Disk) -> None:
    while start < end:
        part = os.pread(source, min(COPY_BYTES, end - start), start)
        if not part:
            raise OSError(f"the segment ends at {start}, before {end}")
        disk.write(target, [part])
        start += len(part)
