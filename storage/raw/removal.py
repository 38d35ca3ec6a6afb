"""
Removes submissions from a segment that has no writer.

Each is replaced by a record of the same length that holds zeros.  So offsets, sequence numbers and positions
stay what they were.  The new segment is written beside the old one and replaces it by a rename.
"""

import fcntl
import os
from collections.abc import Collection
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

COPY_BYTES = 1 << 20


class SegmentInUse(Exception):
    """A writer may still append to the segment; nothing was changed."""


def remove_submissions(path: Path, offsets: Collection[int], disk: Disk) -> int:
    """
    Replace the submissions that begin at *offsets* of the segment *path*; return how many there were.

    Offsets of submissions that were removed before are ignored.  A kill at any moment leaves the old or the
    new segment.

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
        found = [(offset, head) for offset in sorted(offsets) if (head := _submission_at(source, offset))]
        if found:
            _replace(path, source, found, disk)
        return len(found)
    finally:
        os.close(source)


def _submission_at(source: int, offset: int) -> RecordHead | None:
    buffer = os.pread(source, HEAD_BYTES, offset)
    if offset < FILE_HEADER_BYTES or len(buffer) < HEAD_BYTES:
        return None
    head = parse_head(buffer, 0, buffer[:8])
    return head if head is not None and head.type == RecordType.PING else None


def _replace(path: Path, source: int, removed: list[tuple[int, RecordHead]], disk: Disk) -> None:
    unfinished = path.with_name(f".{path.name}.new")
    disk.unlink(unfinished)
    target = disk.create(unfinished)
    try:
        position = 0
        for offset, head in removed:
            _copy(source, target, position, offset, disk)
            prefix = os.pread(source, 8, offset)
            disk.write(target, [removed_record(head, prefix)])
            position = offset + head.record_bytes
        _copy(source, target, position, os.fstat(source).st_size, disk)
        # Retention goes by the time of the last change.
        before = os.fstat(source)
        os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
        disk.sync(target)
    finally:
        disk.close(target)
    disk.rename(unfinished, path)
    disk.sync_directory(path.parent)


def _copy(source: int, target: int, start: int, end: int, disk: Disk) -> None:
    while start < end:
        part = os.pread(source, min(COPY_BYTES, end - start), start)
        if not part:
            raise OSError(f"the segment ends at {start}, before {end}")
        disk.write(target, [part])
        start += len(part)
