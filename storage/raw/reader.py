"""
Finds the submissions of a segment, even of a damaged one, by reading from head to head.

A scan looks at no bodies.  After an invalid head it searches for the next valid one in steps
of 8 bytes; skipped bytes are counted as damage.  The writer may still append to the file.
"""

import fcntl
import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from storage.errors import TornRecord
from storage.raw.damage import Damage
from storage.raw.framing import (
    FILE_HEADER_BYTES,
    HEAD_BYTES,
    MIN_RECORD_BYTES,
    RecordHead,
    RecordType,
    aligned,
    parse_file_header,
    parse_head,
    parse_record,
    record_prefix,
)
from storage.raw.read_ahead import ReadAhead
from storage.raw.record_search import RecordSearch, is_complete, submissions_before
from storage.raw.segment_paths import SegmentPath, parse_segment_path, segments
from storage.raw.submission import Submission

__all__ = [
    "Damage",
    "SegmentPath",
    "SegmentScan",
    "SegmentState",
    "Span",
    "read_submission",
    "scan_segment",
    "segments",
]

WINDOW_BYTES = 1 << 16
LOOK_AHEAD_BYTES = 8 << 20  # more than one commit writes: earlier bytes were synced


@dataclass(frozen=True, slots=True)
class Span:
    """The location of one submission in its segment."""

    offset: int
    length_bytes: int  # to the end of the record, unaligned
    sequence: int
    body_bytes: int


class SegmentState(StrEnum):
    """The state of a segment's writer."""

    OPEN = "open"  # the writer holds the lock: more records may follow
    SEALED = "sealed"  # the writer wrote the seal: nothing follows
    ABANDONED = "abandoned"  # the writer ended without a seal


@dataclass(slots=True)
class SegmentScan:
    """
    The result of a scan.

    The next scan starts at ``end``, which is never past bytes that a live writer
    could still write.  ``finished``: the segment will never have more.
    """

    end: int
    state: SegmentState
    spans: list[Span] = field(default_factory=list)  # the submissions, in order
    damage: Damage = field(default_factory=Damage)
    finished: bool = False
    last_sequence: int | None = None  # of the last submission before `end`; None if it was not needed
    removed: list[int] = field(default_factory=list)  # offsets of submissions that were deleted


def scan_segment(
    path: Path, start: int, *, max_bytes: int, max_records: int, last_sequence: int | None = None
) -> SegmentScan:
    """
    Find the submissions of *path* from *start* on: 0, or the ``end`` of an earlier scan.

    Args:
        path: A segment; it is not followed if it is a link.
        start: Where to begin.
        max_bytes: Stop after the record that reaches this many bytes from *start*.
        max_records: Stop after this many submissions.
        last_sequence: `last_sequence` of the scan that ended at *start*.  Without it, a scan that
            meets damage reads the file once more from its beginning.

    Raises:
        OSError: The file cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        # Check the lock before the length: after a dead writer the length is final.
        is_live = _is_locked(descriptor)
        scanner = _Scanner(descriptor, path, is_live)
        scan = scanner.scan(start, max_bytes, max_records, last_sequence)
        scan.last_sequence = scanner.last_sequence
        scan.removed = scanner.removed
        return scan
    finally:
        os.close(descriptor)


def read_submission(descriptor: int, span: Span) -> Submission:
    """
    Return the submission at *span* of an open segment; threads may share it.

    Raises:
        DamagedRecord: Its checksum disagrees with its bytes.
        TornRecord: The file ends inside it.
        OSError: The file cannot be read.
    """
    record = os.pread(descriptor, span.length_bytes, span.offset)
    if len(record) < span.length_bytes:
        raise TornRecord("a segment ends inside a record")
    # The scan has already checked the file's own prefix.
    return parse_record(record, record[:8])


class _Scanner:
    def __init__(self, descriptor: int, path: Path, is_live: bool) -> None:
        self._descriptor = descriptor
        self._path = path
        self._is_live = is_live
        self._size = os.fstat(descriptor).st_size
        self._prefix = b""
        self._window = b""
        self._window_start = 0
        self._ahead = ReadAhead(descriptor)
        self._last: int | None = None  # sequence of the last submission before the current place
        self._damage = Damage()
        self._wary_until = 0  # up to there a head alone is not trusted
        self.removed: list[int] = []

    @property
    def last_sequence(self) -> int | None:
        """Sequence of the last submission that the scan passed."""
        return self._last

    def scan(self, start: int, max_bytes: int, max_records: int, last_sequence: int | None) -> SegmentScan:
        self._last = last_sequence
        position = self._read_file_header(start)
        spans: list[Span] = []
        while len(spans) < max_records and position - start < max_bytes:
            place = aligned(position)
            if place + MIN_RECORD_BYTES > self._size:  # the end, where a search would read all from the start
                return self._at_the_end(position, spans)
            head = self._head_at(place)
            if head is None or self._jumps(head) or not self._is_trusted(place, head):
                found = self._after_damage(place, start)
                if found is None:
                    return self._at_the_end(position, spans)
                place, head = found
            self._count_gap(head)
            position = place + head.record_bytes
            if head.type == RecordType.PING:
                spans.append(Span(place, head.record_bytes, head.sequence, head.body_bytes))
            elif head.type == RecordType.REMOVED:
                self.removed.append(place)
            elif head.type == RecordType.SEAL:
                self._damage.skip(position, self._size)
                self._damage.records += self._size > position
                return SegmentScan(self._size, SegmentState.SEALED, spans, self._damage, finished=True)
        return SegmentScan(position, self._state(), spans, self._damage)

    def _read_file_header(self, start: int) -> int:
        """Read the prefix of this file's records; return where the first record to read may start."""
        header = parse_file_header(os.pread(self._descriptor, FILE_HEADER_BYTES, 0))
        place = parse_segment_path(self._path)
        if header is not None:
            self._prefix = record_prefix(header.boot_id)
        elif place is not None:
            # The name has it too.
            self._prefix = record_prefix(place.boot_id)
        if header is None and start < FILE_HEADER_BYTES and self._size:
            self._damage.records += 1
            self._damage.skip(0, min(self._size, FILE_HEADER_BYTES))
        if start <= FILE_HEADER_BYTES:
            self._last = 0
        self._search = RecordSearch(self._descriptor, self._size, self._prefix)
        return max(start, min(self._size, FILE_HEADER_BYTES))

    def _head_at(self, place: int) -> RecordHead | None:
        """Return the head at *place*; None unless its whole record is in the file and in order."""
        index = place - self._window_start
        if index < 0 or index + HEAD_BYTES > len(self._window):
            self._ahead.reach(place)
            self._window = os.pread(self._descriptor, WINDOW_BYTES, place)
            self._window_start, index = place, 0
            if len(self._window) < HEAD_BYTES:
                return None
        head = parse_head(self._window, index, self._prefix)
        if head is None or place + head.record_bytes > self._size:
            return None
        if self._last is not None and head.sequence < self._last + head.is_submission:
            return None  # a repeated block
        return head

    def _count_gap(self, head: RecordHead) -> None:
        """Count submissions that are missing before *head*, and remember the sequence."""
        if self._last is not None:
            self._damage.records += submissions_before(head) - self._last
        self._last = head.sequence

    def _after_damage(self, place: int, start: int) -> tuple[int, RecordHead] | None:
        """Count the damage at *place*; return the next good record."""
        if self._last is None:
            self._last = self._last_before(start)
        found = self._search.first(place, self._last)
        if found is None:
            return None
        offset, head = self._first_in_order(*found)
        self._damage.skip(place, offset)
        self._wary_until = offset + LOOK_AHEAD_BYTES
        if offset > place and not self._jumps(head):
            self._damage.records += (
                1  # no submission is missing: the damage was in a mark, or a block is repeated
            )
        return offset, head

    def _is_trusted(self, place: int, head: RecordHead) -> bool:
        """Return whether a valid head can be trusted without its data: not shortly after damage."""
        return place >= self._wary_until or is_complete(self._descriptor, place, head)

    def _jumps(self, head: RecordHead) -> bool:
        """Return whether submissions are missing before *head*."""
        return self._last is not None and submissions_before(head) > self._last

    def _first_in_order(self, place: int, head: RecordHead) -> tuple[int, RecordHead]:
        """
        Return the head at *place*, unless a later record belongs before it.

        A block that was written in the wrong place holds valid records; accepting
        them there would skip the records in between.
        """
        if not self._jumps(head):
            return place, head
        return self._search.earliest(place, place + LOOK_AHEAD_BYTES, self._last or 0) or (place, head)

    def _at_the_end(self, position: int, spans: list[Span]) -> SegmentScan:
        """Handle an end without a good record: a live writer may add one, a dead one left a torn tail."""
        if self._is_live:
            return SegmentScan(position, SegmentState.OPEN, spans, self._damage)
        left = self._size - position
        if left > 0 and (aligned(position) < self._size or any(os.pread(self._descriptor, left, position))):
            self._damage.records += 1
            self._damage.skip(position, self._size)
        return SegmentScan(
            max(position, self._size), SegmentState.ABANDONED, spans, self._damage, finished=True
        )

    def _state(self) -> SegmentState:
        """Return the state of a segment that was not read to its end."""
        if self._is_live:
            return SegmentState.OPEN
        if self._size >= FILE_HEADER_BYTES + MIN_RECORD_BYTES:
            tail = os.pread(self._descriptor, MIN_RECORD_BYTES, self._size - MIN_RECORD_BYTES)
            head = parse_head(tail, 0, self._prefix) if len(tail) >= HEAD_BYTES else None
            if head is not None and head.type == RecordType.SEAL:
                return SegmentState.SEALED
        return SegmentState.ABANDONED

    def _last_before(self, start: int) -> int:
        """Return the sequence of the last submission before *start*; it is only needed after damage."""
        scanner = _Scanner(self._descriptor, self._path, is_live=False)
        scanner._size = start
        position = scanner._read_file_header(0)
        while position < start:
            place = aligned(position)
            head = scanner._head_at(place)
            if head is None or scanner._jumps(head):
                found = scanner._search.first(place, scanner._last or 0)
                if found is None:
                    break
                place, head = scanner._first_in_order(*found)
            scanner._last = head.sequence
            position = place + head.record_bytes
        return scanner._last or 0


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
