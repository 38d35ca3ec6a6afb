"""Recounts the submissions of a segment, and checks each of them."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from storage.errors import DamagedRecord, TornRecord
from storage.raw.intact_records import IntactRecords
from storage.raw.reader import Span, read_submission, scan_segment
from storage.raw.unreadable_headers import unreadable

SCAN_BYTES = 64 << 20
SCAN_RECORDS = 1 << 16


@dataclass(slots=True)
class RawCount:
    """The submissions of a segment."""

    read: int = 0  # before the position up to which it was converted
    unread: int = 0  # intact ones after it
    damaged: int = 0  # before it


def count_segment(path: Path, position: int, *, start: int = 0) -> RawCount:
    """
    Count the submissions of *path* from *start* on; those before *position* are counted separately.

    Raises:
        OSError: It cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return _Counting(path, descriptor, position).counted(start)
    finally:
        os.close(descriptor)


class _Counting:
    def __init__(self, path: Path, descriptor: int, position: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._position = position
        self._count = RawCount()

    def counted(self, start: int) -> RawCount:
        last_sequence = None
        while True:
            # Most records are intact; the scan below takes ten times as long for each.
            records = IntactRecords(self._descriptor, start, last_sequence)
            for headers, removed in records.before(self._position):
                self._count.read += len(headers) + removed
                self._count.damaged += unreadable(headers)
            for headers, _ in records.before():
                self._count.unread += len(headers) - unreadable(headers)
            start = records.position
            scan = scan_segment(
                self._path,
                start,
                max_bytes=SCAN_BYTES,
                max_records=SCAN_RECORDS,
                last_sequence=records.last_sequence,
            )
            self._add(scan.spans, scan.removed)
            if scan.finished or scan.end == start:
                return self._count
            start, last_sequence = scan.end, scan.last_sequence

    def _add(self, spans: Iterable[Span], removed: Iterable[int]) -> None:
        for span in spans:
            is_whole = _is_whole(self._descriptor, span)
            if span.offset < self._position:
                self._count.read += 1
                self._count.damaged += not is_whole
            else:
                self._count.unread += is_whole
        self._count.read += sum(offset < self._position for offset in removed)


def _is_whole(descriptor: int, span: Span) -> bool:
    """Whether the submission matches its checksum."""
    try:
        read_submission(descriptor, span)
    except (DamagedRecord, TornRecord):
        return False
    return True
