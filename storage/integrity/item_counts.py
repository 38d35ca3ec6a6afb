"""Counts what partition files hold, and compares it with the books."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from storage.archive.object_reading import open_stored
from storage.errors import DamagedObject
from storage.integrity.piece_counts import FileCount, PieceCounter
from storage.ledger.ledger import Ledger
from storage.ledger.values import Entry, StoredFile
from storage.partitions.partition_path import PartitionKey


@dataclass(slots=True)
class ItemCounts:
    """What partition files hold: records, refused submissions, refused histograms."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    uncounted: set[tuple[str, str, str]] = field(
        default_factory=set
    )  # files merged during the audit: not compared
    findings: list[str] = field(default_factory=list)

    def add(
        self,
        root: Path,
        ledger: Ledger,
        file: StoredFile,
        counter: PieceCounter,
        counted: FileCount | None = None,
    ) -> None:
        """Add the items of *file*: what was *counted*, else what *counter* finds."""
        count, finding = _count_items(root, ledger, file, counter, counted)
        if finding:
            self.findings.append(finding)
        if count is None:
            self.uncounted.add(_book_of(file))
        else:
            self.counts[_book_of(file)] += count

    def compare(self, tally: dict[tuple[str, Entry, str], int]) -> list[str]:
        """Return differences between books and files, one line each."""
        booked = _booked(tally)
        return [
            f"{'/'.join(filter(None, key))}: {self.counts[key]} on disk, {booked[key]} in the books"
            for key in sorted((booked.keys() | self.counts.keys()) - self.uncounted)
            if booked[key] != self.counts[key]
        ]


def _count_items(
    root: Path, ledger: Ledger, file: StoredFile, counter: PieceCounter, counted: FileCount | None
) -> tuple[int | None, str]:
    """Return the number of items in the committed part of *file* (None: unknown), and a finding or ""."""
    is_quarantine = is_of_quarantine(file)
    try:
        if counted is None:
            with open_stored(root, file.path, ledger.archived_object) as stream:
                counted = counter.count_stream(stream, file.length, is_quarantine=is_quarantine)
    except FileNotFoundError:
        if not ledger.committed([file.path]):
            # Its histograms are now in another file, mixed with others.
            return (None if is_quarantine else file.records), ""  # merged since the start
        return 0, f"{file.path}: missing, with {file.records} lines"
    except DamagedObject as error:
        if not ledger.committed([file.path]):
            return (None if is_quarantine else file.records), ""  # replaced since the start
        return 0, f"{file.path}: damaged: {error}"
    if counted.damage:
        return 0, f"{file.path}: damaged: {counted.damage}"
    if counted.lines != file.records:
        return counted.items, f"{file.path}: {counted.lines} lines where the ledger says {file.records}"
    return counted.items, ""


def is_of_quarantine(file: StoredFile) -> bool:
    """Whether *file* has refused submissions and histograms, and not records."""
    return file.directory.startswith("quarantine/")


def _book_of(file: StoredFile) -> tuple[str, str, str]:
    """Return the line of the books that counts *file*: store, day, quarantine reason."""
    key = PartitionKey.parse(file.directory)
    return key.store, key.day, key.reason


def _booked(tally: dict[tuple[str, Entry, str], int]) -> Counter[tuple[str, str, str]]:
    """Return the expected number of items on disk, by store, day and quarantine reason."""
    booked: Counter[tuple[str, str, str]] = Counter()
    for (day, entry, reason), count in tally.items():
        match entry:
            case Entry.STORED:
                booked["converted", day, ""] += count
            case Entry.QUARANTINED | Entry.HISTOGRAM_DROPPED:
                booked["quarantine", day, reason] += count
            case Entry.CONFLICT:
                booked["quarantine", day, "conflict"] += count
    return booked
