"""
Removes the records of past days: their lines, their rows in tables, and their ids.

The aggregates of these days are sealed first, and stay.  Then one transaction of the ledger drops all
files and counts the records as deleted; the files themselves go after it.  A crash leaves days as they were,
sealed or not, or removed: recovery deletes what is left of their files.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.ledger.table_files import TABLES_FOLDER
from storage.ledger.values import Counts, Entry
from storage.partitions.writer import remove_doubtful
from storage.probe_days import path_of
from telemetry_server.privacy.retention.age import date_of, is_past

CONVERTED = "converted"
MAX_DAYS_AT_ONCE = 31

Seal = Callable[[Sequence[str]], object]
"""Seals the aggregates of days (YYYYMMDD)."""


class NotSealed(Exception):
    """The aggregates of a day cannot be sealed now, so its records stay.  One line."""


@dataclass(frozen=True, slots=True)
class RecordDay:
    """What is kept of the records of one day."""

    day: str  # YYYYMMDD of arrival
    records: int
    files: int  # lines and tables
    bytes: int


def expired_days(ledger: Ledger, kept_days: float, now: datetime) -> list[RecordDay]:
    """Return the days whose records are kept for longer than *kept_days* at *now*, the oldest first."""
    sums: dict[str, Counter[str]] = {}
    for file in ledger.files(CONVERTED):
        of_day = sums.setdefault(file.directory.split("/")[1], Counter())
        of_day.update(records=file.records, files=1, bytes=file.length)
    for table in ledger.table_files():
        sums.setdefault(table.day, Counter()).update(files=1, bytes=table.bytes)
    return [
        RecordDay(day, found["records"], found["files"], found["bytes"])
        for day, found in sorted(sums.items())
        if is_past(date_of(day), kept_days, now)
    ]


def batches(days: Sequence[RecordDay]) -> Iterator[Sequence[RecordDay]]:
    """Yield *days* in groups that one transaction removes."""
    for start in range(0, len(days), MAX_DAYS_AT_ONCE):
        yield days[start : start + MAX_DAYS_AT_ONCE]


def remove_records(
    root: DataRoot, ledger: Ledger, disk: Disk, days: Iterable[str], *, remembers_ids: bool
) -> None:
    """
    Remove the records of *days*, whose aggregates are sealed, in one transaction.

    The caller holds the converter's lock, and recovers its writer afterwards.

    Args:
        remembers_ids: A repeat of a removed record is still a duplicate, for the rest of `dedup_days`.

    Raises:
        OSError, StorageError: The disk refuses; either nothing changed, or recovery removes the files.
    """
    wanted = sorted(days)
    for day in wanted:
        disk.unlink(path_of(root, day))  # the sums by probe of this day
    with ledger.transaction() as transaction:
        for day in wanted:
            counts: Counts = Counter()
            for file in ledger.files(f"{CONVERTED}/{day}"):
                transaction.drop_file(file)
                counts[day, Entry.STORED, ""] -= file.records
                counts[day, Entry.DELETED, ""] += file.records
            for table in ledger.table_files(day=day):
                transaction.drop_table_file(table)
                transaction.stage([table.path])
            transaction.add(counts)
            transaction.forget_ids_of(day, remembers=remembers_ids)
    for day in wanted:
        disk.unlink(path_of(root, day))  # a pass over the old files may have written it meanwhile
    remove_doubtful(root.path, ledger, disk)


def remove_empty_days(root: DataRoot, ledger: Ledger, kept_days: float, now: datetime) -> None:
    """Remove the empty folders of expired days; a run before may have ended in between."""
    for store in (root.converted, *sorted((root.path / TABLES_FOLDER).glob("*"))):
        for folder in sorted(store.glob("[0-9]" * 8)):
            if is_past(date_of(folder.name), kept_days, now) and not _is_used(root, ledger, folder):
                _remove_empty(folder)


def _is_used(root: DataRoot, ledger: Ledger, folder: Path) -> bool:
    if folder.parent == root.converted:
        return bool(ledger.files(f"{CONVERTED}/{folder.name}"))
    return bool(ledger.table_files(folder.parent.name, folder.name))


def _remove_empty(folder: Path) -> None:
    folders = [path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink()]
    for path in (*sorted(folders, reverse=True), folder):
        with suppress(OSError):  # it holds a file that the ledger does not know: `audit` names it
            path.rmdir()
