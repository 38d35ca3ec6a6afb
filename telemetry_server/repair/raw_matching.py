"""Matches submissions in raw/ with outcomes in files, to find how far each segment was read."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from storage.data_root import DataRoot
from storage.errors import DamagedRecord, TornRecord
from storage.ledger.values import Counts, Entry, SegmentPosition
from storage.raw.reader import SegmentPath, Span, read_submission, scan_segment, segments
from storage.raw.submission import Submission
from telemetry_server.convert.body_digest import digest_of
from telemetry_server.convert.privacy import with_coarse_time
from telemetry_server.pings.errors import PingError
from telemetry_server.pings.inflate import inflate
from telemetry_server.pings.submit_path import document_id_of
from telemetry_server.repair.inventory import Inventory
from telemetry_server.repair.line_facts import arrival_of

SCAN_BYTES = 64 << 20
SCAN_RECORDS = 1 << 16


@dataclass(frozen=True, slots=True)
class UndecidedSubmission:
    """A submission without an outcome in a file, although later ones of its segment have one."""

    span: Span
    day: str  # YYYYMMDD of arrival
    document_id: str | None


@dataclass(slots=True)
class ReadSegment:
    """A segment up to the last submission with an outcome in a file; the rest counts as unread."""

    name: str
    position: SegmentPosition
    unjudged: list[UndecidedSubmission] = field(default_factory=list)
    damage: Counts = field(default_factory=Counter)


def read_segments(root: DataRoot, inventory: Inventory) -> Iterator[ReadSegment]:
    """
    Yield every segment of *root* with at least one outcome in a file.

    Raises:
        OSError: A segment cannot be read.
    """
    for segment in segments(root.raw):
        found = _read(segment, inventory)
        if found is not None:
            yield found


def _read(segment: SegmentPath, inventory: Inventory) -> ReadSegment | None:
    day = f"{segment.day:%Y%m%d}"
    damage: Counts = Counter()
    damage_then: Counts = Counter()  # as of the last match
    unjudged: list[UndecidedSubmission] = []
    count = matched = unjudged_then = 0
    descriptor = os.open(segment.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for span in _spans(segment):
            count += 1
            try:
                submission = read_submission(descriptor, span)
            except (DamagedRecord, TornRecord):
                damage[day, Entry.DAMAGED_RECORDS, ""] += 1
                damage[day, Entry.DAMAGED_BYTES, ""] += span.length_bytes
                continue
            # What is written of a ping of an anonymous store says only the day of its arrival.
            arrivals = (arrival_of(submission), arrival_of(with_coarse_time(submission)))
            if any(inventory.match(arrival, _digest(submission)) for arrival in arrivals):
                matched, unjudged_then, damage_then = count, len(unjudged), damage.copy()
            else:
                arrived = f"{submission.received_at:%Y%m%d}"
                unjudged.append(UndecidedSubmission(span, arrived, document_id_of(submission.path)))
    finally:
        os.close(descriptor)
    if not matched:
        return None
    scan = scan_segment(segment.path, 0, max_bytes=1 << 62, max_records=matched)
    damage_then[day, Entry.DAMAGED_RECORDS, ""] += scan.damage.records
    damage_then[day, Entry.DAMAGED_BYTES, ""] += scan.damage.bytes
    position = SegmentPosition(scan.end, len(scan.spans) + len(scan.removed), scan.finished)
    for entry in (Entry.RECEIVED, Entry.DELETED):
        damage_then[day, entry, ""] += len(scan.removed)
    return ReadSegment(segment.name, position, unjudged[:unjudged_then], damage_then)


def _spans(segment: SegmentPath) -> Iterator[Span]:
    start = 0
    while True:
        scan = scan_segment(segment.path, start, max_bytes=SCAN_BYTES, max_records=SCAN_RECORDS)
        yield from scan.spans
        if scan.finished or scan.end == start:
            return
        start = scan.end


def _digest(submission: Submission) -> int:
    try:
        return digest_of(inflate(submission.body).data)
    except PingError:
        return 0
