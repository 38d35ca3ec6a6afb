"""
Removes quarantined submissions and dropped histogram values that are older than their retention.

All files of one reason and day are removed in one ledger transaction, which also counts
them as deleted.  A crash before it changes nothing; after it, recovery removes the files.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.ledger.values import Counts, Entry, StoredFile
from storage.partitions.writer import remove_doubtful
from telemetry_server.observability.loggers import get_logger
from telemetry_server.outcomes.outcome import HistogramReason
from telemetry_server.outcomes.quarantine_line import CONFLICT

log = get_logger("convert")

QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class ExpiredFolder:
    """The quarantine files of one reason and day."""

    day: str  # YYYYMMDD of arrival
    reason: str
    files: tuple[StoredFile, ...]

    @property
    def lines(self) -> int:
        """Lines in its files: one for each refused submission, or for each ping with dropped histograms."""
        return sum(file.records for file in self.files)

    @property
    def bytes(self) -> int:
        """Committed bytes of its files."""
        return sum(file.length for file in self.files)


def expired_folders(
    root: Path, ledger: Ledger, now: datetime, retention: timedelta, *, waits_for_imports: bool = True
) -> Iterator[ExpiredFolder]:
    """
    Yield the quarantine folders that are older than *retention* at *now*.

    Args:
        waits_for_imports: The age of a folder is measured from the end of its day or from the last change
            of its files, whichever is later, so that imported pings of 2013 are kept as long as others.
            Otherwise only its day counts.
    """
    by_directory: dict[str, list[StoredFile]] = {}
    for file in ledger.files(QUARANTINE):
        by_directory.setdefault(file.directory, []).append(file)
    for directory, files in by_directory.items():
        _, day, reason = directory.split("/")
        day_start = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
        if day_start + timedelta(days=1) + retention > now:
            continue
        if waits_for_imports and max(_written_at(root / file.path) for file in files) + retention > now:
            continue
        yield ExpiredFolder(day, reason, tuple(files))


def _written_at(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        # The file is lost, which audit reports; it must not keep the others from being removed.
        return datetime.min.replace(tzinfo=UTC)


def counts_of(folder: ExpiredFolder, booked: Mapping[tuple[str, Entry, str], int]) -> Counts:
    """
    Return the changes of the ledger's counts for the removal of *folder*.

    A line may hold many histograms, so the counts in *booked* are used: a day and reason is removed whole.
    """
    day, reason = folder.day, folder.reason
    counts: Counts = Counter()
    if reason in frozenset(HistogramReason):
        count = booked.get((day, Entry.HISTOGRAM_DROPPED, reason), 0)
        counts[day, Entry.HISTOGRAM_DROPPED, reason] -= count
        counts[day, Entry.HISTOGRAM_DELETED, reason] += count
        return counts
    if reason == CONFLICT:
        count = booked.get((day, Entry.CONFLICT, ""), 0)
        counts[day, Entry.DUPLICATE, ""] -= count
        counts[day, Entry.CONFLICT, ""] -= count
    else:
        count = booked.get((day, Entry.QUARANTINED, reason), 0)
        counts[day, Entry.QUARANTINED, reason] -= count
    counts[day, Entry.DELETED, ""] += count
    return counts


def remove_folder(root: Path, ledger: Ledger, disk: Disk, folder: ExpiredFolder) -> None:
    """
    Remove the files of *folder*, and count their content as deleted.

    The caller must hold the converter's lock, and recover its writer afterwards.

    Raises:
        OSError, StorageError: The disk refuses; either nothing changed, or recovery removes the files.
    """
    booked = ledger.tally()
    with ledger.transaction() as transaction:
        for file in folder.files:
            transaction.drop_file(file)
        transaction.add(counts_of(folder, booked))
        if folder.reason not in frozenset(HistogramReason):
            transaction.refused_are_deleted(folder.day, folder.reason)
    remove_doubtful(root, ledger, disk)
    _remove_empty(root / QUARANTINE / folder.day / folder.reason)


def _remove_empty(folder: Path) -> None:
    """Remove *folder* and the folder of its day if they are empty."""
    for place in (folder, folder.parent):
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()


def remove_expired(
    root: Path,
    ledger: Ledger,
    disk: Disk,
    now: datetime,
    retention: timedelta,
    *,
    waits_for_imports: bool = True,
) -> list[ExpiredFolder]:
    """Remove and return every folder of `expired_folders`; see `remove_folder`."""
    expired = list(expired_folders(root, ledger, now, retention, waits_for_imports=waits_for_imports))
    for folder in expired:
        remove_folder(root, ledger, disk, folder)
        log.info(
            "quarantine removed after its retention", day=folder.day, reason=folder.reason, lines=folder.lines
        )
    return expired
