"""
Lists the segments of a raw store often: a day's folder is read again only after it changed.

With 30 days of segments kept, reading all their names took 70 ms, too long for each submission.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from storage.ledger.values import SegmentPosition
from storage.raw.segment_paths import SegmentPath, day_folders, segments_of_day

SETTLED_AFTER_NANOSECONDS = 2_000_000_000
"""A folder that changed less than this before it was read may change again under the same time stamp."""


@dataclass(frozen=True, slots=True)
class DayListing:
    """The segments in the folder of one day, in writing order, as they were at one time."""

    segments: tuple[SegmentPath, ...]
    changed_at: int  # the folder's time stamp, in nanoseconds
    is_settled: bool  # a later change shows in the time stamp


class SegmentListing:
    """Lists the segments of one raw store again and again; use it in one thread at a time."""

    def __init__(self, raw: Path, *, now_nanoseconds: Callable[[], int] = time.time_ns) -> None:
        self._raw = raw
        self._now = now_nanoseconds
        self._days: dict[str, DayListing] = {}

    def days(self) -> Mapping[str, DayListing]:
        """Return the listing of each day by folder name, in order; an unchanged day is the same object."""
        days = {}
        for folder in day_folders(self._raw):
            with suppress(FileNotFoundError):  # the last segment of a day was removed after its retention
                days[folder.name] = self._of_day(folder)
        self._days = days
        return days

    def _of_day(self, folder: Path) -> DayListing:
        known = self._days.get(folder.name)
        changed_at = folder.stat().st_mtime_ns
        if known is not None and known.is_settled and known.changed_at == changed_at:
            return known
        is_settled = self._now() - changed_at >= SETTLED_AFTER_NANOSECONDS
        return DayListing(tuple(segments_of_day(folder)), changed_at, is_settled)


class WaitingSegments:
    """The segments that are not known to be fully converted."""

    def __init__(self, listing: SegmentListing) -> None:
        self._listing = listing
        self._seen: dict[str, DayListing] = {}
        self._waiting: dict[str, list[SegmentPath]] = {}
        self._finished: dict[str, set[str]] = {}

    def segments(self) -> list[SegmentPath]:
        """Return the segments that are in raw/ now, day by day and in writing order."""
        days = self._listing.days()
        for day, listing in days.items():
            if self._seen.get(day) is not listing:
                finished = self._finished.get(day, set())
                self._waiting[day] = [each for each in listing.segments if each.name not in finished]
        self._seen = dict(days)
        return [segment for day in days for segment in self._waiting[day]]

    def drop_finished(self, positions: Mapping[str, SegmentPosition]) -> None:
        """Leave out segments that are finished at their *committed* position."""
        for day, waiting in self._waiting.items():
            done = {
                each.name for each in waiting if (at := positions.get(each.name)) is not None and at.finished
            }
            if done:
                self._finished.setdefault(day, set()).update(done)
                self._waiting[day] = [each for each in waiting if each.name not in done]
        for gone in self._finished.keys() - self._seen.keys():
            del self._finished[gone]


class RawSize:
    """The total bytes of a raw store's segments, without checking each segment each time."""

    def __init__(self, listing: SegmentListing) -> None:
        self._listing = listing
        self._counted: dict[str, tuple[DayListing, int]] = {}

    def total_bytes(self) -> int:
        """Return the bytes in all segments; a segment removed meanwhile is not counted."""
        total = 0
        counted = {}
        for day, listing in self._listing.days().items():
            last = _last_of_each_writer(listing.segments)
            known = self._counted.get(day)
            if known is not None and known[0] is listing:
                sealed_bytes = known[1]
            else:
                sealed_bytes = sum(each.size() for each in listing.segments if each not in last)
            counted[day] = listing, sealed_bytes
            total += sealed_bytes + sum(each.size() for each in last)
        self._counted = counted
        return total


def _last_of_each_writer(segments: tuple[SegmentPath, ...]) -> set[SegmentPath]:
    """Return the segments that may still grow: a writer seals a segment before it begins the next one."""
    last: dict[bytes, SegmentPath] = {}
    for segment in segments:
        known = last.get(segment.boot_id)
        if known is None or known.number < segment.number:
            last[segment.boot_id] = segment
    return set(last.values())
