"""Counts what partition files hold, and compares it with the books."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from storage.archive.object_reading import open_stored
from storage.errors import DamagedObject
from storage.ledger.ledger import Ledger
from storage.ledger.values import Entry, StoredFile
from storage.partitions.frames import DamagedFrame, read_lines
from storage.partitions.line_counter import LineCounter
from storage.partitions.partition_path import PartitionKey
from storage.partitions.quarantine_items import items_in


@dataclass(slots=True)
class ItemCounts:
    """What partition files hold: records, refused submissions, refused histograms."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    uncounted: set[tuple[str, str, str]] = field(
        default_factory=set
    )  # files merged during the audit: not compared
    findings: list[str] = field(default_factory=list)
    _counter: LineCounter = field(default_factory=LineCounter)

    def add(self, root: Path, ledger: Ledger, file: StoredFile) -> None:
        """Count the items of *file*."""
        count, finding = _count_items(root, ledger, file, self._counter)
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
    root: Path, ledger: Ledger, file: StoredFile, counter: LineCounter
) -> tuple[int | None, str]:
    """Return the number of items in the committed part of *file* (None: unknown), and a finding or ""."""
    is_quarantine = file.directory.startswith("quarantine/")
    lines = items = 0
    try:
        with open_stored(root, file.path, ledger.archived_object) as stream:
            if is_quarantine:
                for line in read_lines(stream, file.length):
                    lines += 1
                    items += items_in(line)
            else:
                lines = items = counter.count(stream, file.length)
    except FileNotFoundError:
        if not ledger.committed([file.path]):
            # Its histograms are now in another file, mixed with others.
            return (None if is_quarantine else file.records), ""  # merged since the start
        return 0, f"{file.path}: missing, with {file.records} lines"
    except (EOFError, DamagedFrame, DamagedObject) as error:
        if isinstance(error, DamagedObject) and not ledger.committed([file.path]):
            return (None if is_quarantine else file.records), ""  # replaced since the start
        return 0, f"{file.path}: damaged: {error}"
    if lines != file.records:
        return items, f"{file.path}: {lines} lines where the ledger says {file.records}"
    return items, ""


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
