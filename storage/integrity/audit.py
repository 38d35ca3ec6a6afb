"""Recounts raw segments and partition files, and compares the counts with the ledger."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from storage.data_root import DataRoot
from storage.found_files import found_files
from storage.integrity.aggregates_audit import aggregate_findings
from storage.integrity.item_counts import ItemCounts
from storage.integrity.raw_count import count_segment
from storage.integrity.tables_audit import table_findings
from storage.ledger.ledger import Ledger
from storage.ledger.values import SEGMENT_START, SWEPT, DayBooks, Entry, SegmentPosition
from storage.raw.reader import segments

MAX_LISTED_FILES = 100
FINISHED = SegmentPosition(0, 0, finished=True)


@dataclass(slots=True)
class Audit:
    """The books by day, and every difference between files and ledger."""

    days: dict[str, DayBooks] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)  # one line each
    notes: Counter[str] = field(default_factory=Counter)  # harmless oddities, by name
    damaged_records: int = 0
    damaged_bytes: int = 0

    @property
    def balanced(self) -> bool:
        """Whether the audit found nothing wrong."""
        return not self.findings

    @property
    def total(self) -> DayBooks:
        """The sum of all days."""
        names = [name for name in DayBooks.__dataclass_fields__ if name != "reasons"]
        return DayBooks(**{name: sum(getattr(day, name) for day in self.days.values()) for name in names})


def audit(root: DataRoot, ledger: Ledger, *, on_file: Callable[[], None] = lambda: None) -> Audit:
    """
    Count every committed line and every submission in raw/, and compare with the ledger.

    The server may run meanwhile: later commits are ignored, and files that it merges or deletes
    are not reported as missing.  *on_file* is called after each segment and each partition file,
    for a progress bar.

    Raises:
        OSError: A file exists but cannot be read.
    """
    with ledger.snapshot():
        positions = ledger.positions()
        files = ledger.files()
        tally = ledger.tally()
        booked = ledger.books()
        pending_segments = ledger.pending_segments()
    # Outside the snapshot: reading raw/ takes long, and SQLite cannot truncate its log meanwhile.
    raw = _recount_raw(root.raw, positions, on_file)
    raw.findings += _lost_segments(raw.there, positions, pending_segments, ledger)
    result = Audit(_with_unread(booked, raw.unread), raw.findings)
    items = ItemCounts()
    for file in files:
        items.add(root.path, ledger, file)
        on_file()
    result.findings += items.findings + items.compare(tally)
    result.findings += table_findings(root, ledger) + aggregate_findings(root)
    result.findings += _stray_lines(unknown_files(root, ledger, {file.path for file in files}))
    for day, names in raw.damaged.items():
        since = len(names) - tally.get((day, Entry.DAMAGED_RECORDS, ""), 0)
        if since > 0:
            places = ", ".join(sorted(set(names)))
            result.findings.append(f"raw: {since} submissions damaged since they were converted, in {places}")
    for day, books in result.days.items():
        if not books.balanced:
            result.findings.append(
                f"{day}: received {books.received}, but stored {books.stored} + duplicate {books.duplicate}"
                f" + quarantined {books.quarantined} + pending {books.pending} + deleted {books.deleted}"
            )
    for (_, entry, _), count in tally.items():
        if entry is Entry.DAMAGED_RECORDS:
            result.damaged_records += count
        elif entry is Entry.DAMAGED_BYTES:
            result.damaged_bytes += count
    for (_, entry, note), count in tally.items():
        if entry is Entry.NOTE:
            result.notes[note] += count
    return result


def unknown_files(root: DataRoot, ledger: Ledger, known: Set[str] = frozenset()) -> list[str]:
    """
    Return files below converted/ and quarantine/ that neither *ledger* nor *known* has, sorted by path.

    The server may run meanwhile: files that it is about to add or remove are listed as doubtful.
    """
    before = set(ledger.doubtful())
    there = list(found_files(root.path))
    now = {file.path for file in ledger.files()} | set(ledger.doubtful()) | before | known
    return sorted(
        found.path
        for found in there
        if found.final_path not in now and os.path.lexists(root.path / found.path)
    )


def swept_segments(root: DataRoot, ledger: Ledger) -> list[str]:
    """Return segments that are in raw/ again after their removal: raw/ was restored from a backup."""
    positions = ledger.positions()
    return [segment.name for segment in segments(root.raw) if positions.get(segment.name) is SWEPT]


def _stray_lines(paths: list[str]) -> list[str]:
    lines = [
        f"{path}: the ledger does not know this file; run: telemetry-server repair --dry-run"
        for path in paths[:MAX_LISTED_FILES]
    ]
    if len(paths) > MAX_LISTED_FILES:
        lines.append(f"and {len(paths) - MAX_LISTED_FILES} more files that the ledger does not know")
    return lines


def books_with_waiting(root: DataRoot, ledger: Ledger) -> dict[str, DayBooks]:
    """
    Return the books by day as `audit` gives them, without a recount of what was converted.

    Raises:
        OSError: A segment exists but cannot be read.
    """
    with ledger.snapshot():
        positions = ledger.positions()
        booked = ledger.books()
    unread: Counter[str] = Counter()
    for segment in segments(root.raw):
        position = positions.get(segment.name, SEGMENT_START)
        if position.finished:
            continue
        with suppress(FileNotFoundError):  # converted since the start, and removed after its retention
            counted = count_segment(segment.path, position.position, start=position.position)
            unread[f"{segment.day:%Y%m%d}"] += counted.unread
    return _with_unread(booked, unread)


def disagreements_of_day(root: DataRoot, ledger: Ledger, day: str) -> list[str]:
    """Return differences between the files of *day* (YYYYMMDD) and the books, one line each."""
    items = ItemCounts()
    for store in ("converted", "quarantine"):
        for file in ledger.files(f"{store}/{day}"):
            items.add(root.path, ledger, file)
    tally = {key: count for key, count in ledger.tally().items() if key[0] == day}
    return items.findings + items.compare(tally)


@dataclass(slots=True)
class _Raw:
    """What was counted in raw/."""

    there: set[str] = field(default_factory=set)  # names of segments
    unread: Counter[str] = field(default_factory=Counter)  # submissions not yet converted, by day
    damaged: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """The segment of each converted submission that is damaged now, by day."""
    findings: list[str] = field(default_factory=list)


def _recount_raw(raw: Path, positions: Mapping[str, SegmentPosition], on_file: Callable[[], None]) -> _Raw:
    found = _Raw()
    for segment in segments(raw):
        position = positions.get(segment.name, SEGMENT_START)
        if position is SWEPT:
            found.findings.append(
                f"raw/{segment.name}: it was converted and removed, but exists again; it is not"
                " read again (repair moves it to state/stray/)"
            )
            on_file()
            continue
        try:
            counted = count_segment(segment.path, position.position)
        except FileNotFoundError:
            continue  # deleted since it was listed, or lost: `_lost_segments` decides
        found.there.add(segment.name)
        day = f"{segment.day:%Y%m%d}"
        found.unread[day] += counted.unread
        found.damaged[day] += [segment.name] * counted.damaged
        if counted.read != position.records:
            found.findings.append(
                f"raw/{segment.name}: {counted.read} submissions in the converted part,"
                f" {position.records} in the ledger"
            )
        on_file()
    return found


def _lost_segments(
    there: Set[str], positions: Mapping[str, SegmentPosition], pending_segments: Set[str], ledger: Ledger
) -> list[str]:
    """Return missing segments that are still needed, one line each."""
    now, pending_now = ledger.positions(), ledger.pending_segments()
    return [
        f"raw/{name}: missing, but not all of it was converted"
        for name, position in positions.items()
        if name not in there
        and (not position.finished or name in pending_segments)
        # Not if it was converted and deleted since the start.
        and (not now.get(name, FINISHED).finished or name in pending_now)
    ]


def _with_unread(books: Mapping[str, DayBooks], unread: Mapping[str, int]) -> dict[str, DayBooks]:
    """Return *books* with the unread submissions of raw/ added, as received and as pending."""
    merged = dict(books)
    for day, count in unread.items():
        known = merged.get(day, DayBooks())
        merged[day] = replace(known, received=known.received + count, pending=known.pending + count)
    return dict(sorted(merged.items()))
