"""Recounts raw segments and partition files, and compares the counts with the ledger."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace

from storage.data_root import DataRoot
from storage.found_files import found_files
from storage.integrity.aggregates_audit import aggregate_findings
from storage.integrity.item_counts import ItemCounts, is_of_quarantine
from storage.integrity.piece_counts import CountAll, FilePiece, Piece, PieceCounter
from storage.integrity.raw_audit import compare_raw, damaged_since, lost_segments, segment_pieces
from storage.integrity.raw_count import RawCount, count_segment
from storage.integrity.tables_audit import table_findings
from storage.ledger.ledger import Ledger
from storage.ledger.values import SEGMENT_START, SWEPT, DayBooks, Entry, StoredFile
from storage.raw.reader import segments

MAX_LISTED_FILES = 100


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


def audit(
    root: DataRoot,
    ledger: Ledger,
    *,
    count_all: CountAll | None = None,
    on_file: Callable[[], None] = lambda: None,
) -> Audit:
    """
    Count every committed line and every submission in raw/, and compare with the ledger.

    The server may run meanwhile: later commits are ignored, and files that it merges or deletes
    are not reported as missing.

    Args:
        count_all: Counts what is on this machine; the default does it in this process.
        on_file: Called after each segment and each partition file, for a progress bar.

    Raises:
        OSError: A file exists but cannot be read.
    """
    with ledger.snapshot():
        positions = ledger.positions()
        files = ledger.files()
        tally = ledger.tally()
        booked = ledger.books()
        pending_segments = ledger.pending_segments()
    # Outside the snapshot: reading takes long, and SQLite cannot truncate its log meanwhile.
    listed = list(segments(root.raw))
    counter = PieceCounter(sum(file.frames for file in files))
    pieces: list[Piece] = [*segment_pieces(listed, positions), *_file_pieces(root, files)]
    counts = iter((count_all or counter.count_all)(pieces, on_file))
    raw = compare_raw(listed, positions, counts, on_file)
    raw.findings += lost_segments(raw.there, positions, pending_segments, ledger)
    result = Audit(_with_unread(booked, raw.unread), raw.findings)
    items = ItemCounts()
    for file, counted in zip(files, counts, strict=True):
        assert not isinstance(counted, RawCount)
        items.add(root.path, ledger, file, counter, counted)
        if counted is None:
            on_file()
    result.findings += items.findings + items.compare(tally)
    result.findings += table_findings(root, ledger) + aggregate_findings(root)
    result.findings += _stray_lines(unknown_files(root, ledger, {file.path for file in files}))
    result.findings += damaged_since(raw, tally)
    result.findings += _unbalanced(result.days)
    for (_, entry, note), count in tally.items():
        if entry is Entry.DAMAGED_RECORDS:
            result.damaged_records += count
        elif entry is Entry.DAMAGED_BYTES:
            result.damaged_bytes += count
        elif entry is Entry.NOTE:
            result.notes[note] += count
    return result


def _unbalanced(days: Mapping[str, DayBooks]) -> list[str]:
    return [
        f"{day}: received {books.received}, but stored {books.stored} + duplicate {books.duplicate}"
        f" + quarantined {books.quarantined} + pending {books.pending} + deleted {books.deleted}"
        for day, books in days.items()
        if not books.balanced
    ]


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
    files = [file for store in ("converted", "quarantine") for file in ledger.files(f"{store}/{day}")]
    counter = PieceCounter(sum(file.frames for file in files))
    for file in files:
        items.add(root.path, ledger, file, counter)
    tally = {key: count for key, count in ledger.tally().items() if key[0] == day}
    return items.findings + items.compare(tally)


def _file_pieces(root: DataRoot, files: Sequence[StoredFile]) -> Iterator[FilePiece]:
    base = f"{root.path}/"
    return (FilePiece(base + file.path, file.length, is_of_quarantine(file)) for file in files)


def _with_unread(books: Mapping[str, DayBooks], unread: Mapping[str, int]) -> dict[str, DayBooks]:
    """Return *books* with the unread submissions of raw/ added, as received and as pending."""
    merged = dict(books)
    for day, count in unread.items():
        known = merged.get(day, DayBooks())
        merged[day] = replace(known, received=known.received + count, pending=known.pending + count)
    return dict(sorted(merged.items()))
