"""
Paths of segments: ``raw/<YYYYMMDD>/<worker>-<boot id>-<number>.tlg``.

The server makes every part of a path: a UTC day, a worker's number, 16 random bytes
as hex, a counter.  No part comes from a client.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

_DAY = re.compile(r"[0-9]{8}\Z")
_SEGMENT = re.compile(r"([0-9]{1,6})-([0-9a-f]{32})-([0-9]{10})\.tlg\Z")


@dataclass(frozen=True, slots=True)
class SegmentPath:
    """A segment of the raw store, described by its path."""

    path: Path
    day: date  # UTC day of receipt
    worker: int
    boot_id: bytes
    number: int

    @property
    def name(self) -> str:
        """Day folder and file name, which are unique in a raw store."""
        return f"{self.path.parent.name}/{self.path.name}"

    def size(self) -> int:
        """Return its bytes; 0 if it was removed meanwhile."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0


def segment_path(raw: Path, *, day: date, worker: int, boot_id: bytes, number: int) -> SegmentPath:
    """Return the path of segment *number* of a writer below *raw*."""
    path = raw / f"{day:%Y%m%d}" / f"{worker}-{boot_id.hex()}-{number:010d}.tlg"
    return SegmentPath(path, day, worker, boot_id, number)


def parse_segment_path(path: Path) -> SegmentPath | None:
    """Return the parts of *path*; None for a name that no writer gives."""
    name = _SEGMENT.match(path.name)
    day = _parse_day(path.parent.name)
    if name is None or day is None:
        return None
    worker, boot_id, number = name.groups()
    return SegmentPath(path, day, int(worker), bytes.fromhex(boot_id), int(number))


def segments(raw: Path) -> Iterator[SegmentPath]:
    """
    Yield the segments below *raw* by day, and within a day by the start of their writers.

    Links, and names that no writer gives, are skipped.
    """
    for folder in day_folders(raw):
        with suppress(FileNotFoundError):  # the last segment of the day was removed after its retention
            yield from segments_of_day(folder)


def day_folders(raw: Path) -> list[Path]:
    """Return the folders of days below *raw*, in order; links are skipped."""
    if not raw.is_dir():
        return []
    with os.scandir(raw) as entries:
        names = [
            entry.name
            for entry in entries
            if _parse_day(entry.name) is not None and entry.is_dir(follow_symlinks=False)
        ]
    return [raw / name for name in sorted(names)]


def segments_of_day(folder: Path) -> list[SegmentPath]:
    """
    Return the segments in the folder of a day, by the start of their writers.

    Raises:
        FileNotFoundError: The folder is gone.
    """
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if not entry.is_symlink()]
    found = (parse_segment_path(folder / name) for name in names)
    return sorted((segment for segment in found if segment is not None), key=_writing_order)


def new_boot_id(now: datetime) -> bytes:
    """
    Return 16 bytes that name a writer: 4 random, 6 of the time in microseconds, 6 random.

    The first four mark its records, so they must not be guessable.  With the
    time, a repeat that was sent after a restart is read after the first.
    """
    microseconds = int(now.timestamp() * 1_000_000) & (1 << 48) - 1
    return os.urandom(4) + microseconds.to_bytes(6, "big") + os.urandom(6)


def _writing_order(segment: SegmentPath) -> tuple[bytes, int, bytes, int]:
    return segment.boot_id[4:10], segment.worker, segment.boot_id, segment.number


def _parse_day(name: str) -> date | None:
    if not _DAY.match(name):
        return None
    try:
        return datetime.strptime(name, "%Y%m%d").date()
    except ValueError:
        return None
