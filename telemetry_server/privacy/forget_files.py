"""Removes lines of records and of quarantine: a file at a time, each in one commit with its counts."""

from collections import Counter

from storage.ledger.transaction import Transaction
from storage.ledger.values import Counts, Entry, StoredFile
from storage.partitions.partition_path import PartitionKey
from storage.partitions.quarantine_items import items_in
from storage.partitions.rewrite import rewrite_file
from storage.probe_days import path_of
from telemetry_server.outcomes.outcome import HistogramReason
from telemetry_server.outcomes.quarantine_line import CONFLICT
from telemetry_server.privacy.damaged_files import DamagedFile, damage_of
from telemetry_server.privacy.forget_wanted import Wanted
from telemetry_server.privacy.places import Forgetting, line_files


def forget_lines(context: Forgetting, wanted: Wanted) -> tuple[int, list[str]]:
    """
    Remove all lines that are *wanted*.

    The converter's lock is held for one file at a time, so conversion goes on in between.

    Returns:
        How many files were rewritten, and one line for each damaged file, which stays as it is.

    Raises:
        OSError, StorageError: The disk refuses; what was committed stays, the next run goes on.
    """
    rewritten, damaged = 0, []
    paths = context.index.holding(line_files(context), wanted.hashes())
    context.archived.bring_back(paths)
    for path in paths:
        with context.lock.held():
            # It may have grown, or been merged into another file.
            file = next(
                (file for file in context.ledger.files(path.rpartition("/")[0]) if file.path == path), None
            )
            if file is not None:
                try:
                    rewritten += _forget_in_file(context, wanted, file)
                except DamagedFile as error:
                    damaged.append(str(error))
    return rewritten, damaged


def _forget_in_file(context: Forgetting, wanted: Wanted, file: StoredFile) -> bool:
    counts: Counts = Counter()
    removed: Counter[tuple[int, str]] = Counter()
    key = PartitionKey.parse(file.directory)

    def is_kept(line: bytes) -> bool:
        order = wanted.of_line(line)
        if order is None:
            return True
        removed[order, count_line(counts, key, line)] += 1
        return False

    def also(transaction: Transaction) -> None:
        transaction.add(counts)
        transaction.count_removed(removed)

    with damage_of(file.path):
        if not _holds(context, wanted, file):
            return False
        sums = path_of(context.root, key.day)  # the sums by probe of this day
        context.disk.unlink(sums)
        rewrite_file(context.root.path, context.ledger, context.disk, file, is_kept=is_kept, also=also)
        context.disk.unlink(sums)  # a pass over the old file may have written them meanwhile
    return True


def _holds(context: Forgetting, wanted: Wanted, file: StoredFile) -> bool:
    """Return whether a line of *file* is wanted; the index may err."""
    from storage.partitions.frames import read_lines

    with (context.root.path / file.path).open("rb") as stream:
        return any(wanted.of_line(line) is not None for line in read_lines(stream, file.length))


def count_line(counts: Counts, key: PartitionKey, line: bytes) -> str:
    """Move the count of a removed *line* to the deleted ones; return what kind of item it was."""
    day = key.day
    if key.store == "converted":
        counts[day, Entry.STORED, ""] -= 1
        counts[day, Entry.DELETED, ""] += 1
        return "stored"
    reason = key.reason
    if reason in frozenset(HistogramReason):
        count = items_in(line)
        counts[day, Entry.HISTOGRAM_DROPPED, reason] -= count
        counts[day, Entry.HISTOGRAM_DELETED, reason] += count
        return "dropped histograms"
    if reason == CONFLICT:
        counts[day, Entry.DUPLICATE, ""] -= 1
        counts[day, Entry.CONFLICT, ""] -= 1
    else:
        counts[day, Entry.QUARANTINED, reason] -= 1
    counts[day, Entry.DELETED, ""] += 1
    return "conflict" if reason == CONFLICT else "quarantined"
