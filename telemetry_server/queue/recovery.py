"""
Finds out what a puller had received when it ended, from its last positions and its segments.

Every pulled submission carries its place.  Thus a message whose record is in raw/ counts as received,
even if the positions were not saved any more.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from storage.disk import Disk
from storage.errors import DamagedRecord, TornRecord
from storage.raw.reader import read_submission, scan_segment
from storage.raw.segment_paths import SegmentPath, segments
from telemetry_server.queue.message import parse_place
from telemetry_server.queue.position_file import Positions

PULL_WORKER = 999_998
"""Worker number in the names of pulled segments; edge workers and imports never have it."""

ALL = 1 << 62
TIME_RANGE = 1 << 48  # µs in the boot id of a writer


def recovered_positions(raw: Path, saved: Positions | None, disk: Disk) -> Positions:
    """
    Return the positions after everything that is in *raw*, which is synced before it counts.

    Where a segment is damaged, messages may be missing between others.  Then its positions are listed
    one by one, and reading continues before them.
    """
    positions = saved or Positions()
    after = dict(positions.after)
    received: dict[str, set[int]] = defaultdict(set)
    for name, known in positions.received.items():
        received[name].update(known)
    for segment, start in _unsaved(raw, positions):
        _sync(segment.path, disk)
        places, is_damaged = _places(segment.path, start)
        for partition, position in places:
            if is_damaged:
                received[partition].add(position)
            else:
                after[partition] = max(after.get(partition, 0), position + 1)
    beyond = {
        partition: tuple(sorted(each for each in known if each >= after.get(partition, 0)))
        for partition, known in received.items()
    }
    return replace(positions, after=after, received={name: known for name, known in beyond.items() if known})


def _unsaved(raw: Path, saved: Positions) -> Iterator[tuple[SegmentPath, int]]:
    """Yield the pulled segments that may hold more than *saved* knows, and where that begins."""
    for segment in segments(raw):
        if segment.worker != PULL_WORKER or _began_before(segment.boot_id, saved.boot_id):
            continue
        if segment.boot_id != saved.boot_id or segment.number > saved.number:
            yield segment, 0
        elif segment.name in saved.lengths:
            yield segment, saved.lengths[segment.name]


def _began_before(boot_id: bytes, other: bytes) -> bool:
    """Return whether a writer began before another; the times in their ids begin anew every nine years."""
    if not any(other):
        return False
    distance = int.from_bytes(boot_id[4:10], "big") - int.from_bytes(other[4:10], "big")
    return distance % TIME_RANGE >= TIME_RANGE // 2


def _places(path: Path, start: int) -> tuple[list[tuple[str, int]], bool]:
    """Return the places of the submissions in a segment from *start* on, and whether it is damaged."""
    scan = scan_segment(path, start, max_bytes=ALL, max_records=ALL)
    is_damaged = bool(scan.damage.records)
    found = []
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for span in scan.spans:
            try:
                found.append(parse_place(read_submission(descriptor, span).place))
            except (DamagedRecord, TornRecord, ValueError):
                is_damaged = True
    finally:
        os.close(descriptor)
    return found, is_damaged


def _sync(path: Path, disk: Disk) -> None:
    """Sync a segment and its name: its writer may have been killed before it did."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        disk.sync_data(descriptor)
    finally:
        os.close(descriptor)
    disk.sync_directory(path.parent)
