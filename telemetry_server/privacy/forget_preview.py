"""Counts what a deletion would remove, by the places in its report; changes nothing."""

from collections import Counter
from contextlib import suppress
from importlib.util import find_spec

from storage.aggregates.day_table import days_with_table
from storage.archive.object_reading import open_stored
from storage.ledger.values import Counts
from storage.partitions.frames import read_lines
from storage.partitions.partition_path import PartitionKey
from telemetry_server.privacy.damaged_files import DamagedFile, damage_of
from telemetry_server.privacy.forget_files import count_line
from telemetry_server.privacy.forget_find import Found
from telemetry_server.privacy.forget_report import AGGREGATES, RAW
from telemetry_server.privacy.forget_strays import forget_strays
from telemetry_server.privacy.forget_wanted import Wanted
from telemetry_server.privacy.places import Forgetting, line_files


def counted(context: Forgetting, wanted: Wanted, found: Found) -> Counter[str]:
    """
    Return how many items of *wanted*, and of the documents *found* for it, are in each place, without Fuel's.

    In a damaged file, only the items that can be read are counted.

    Raises:
        OSError, StorageError: A file cannot be read.
    """
    of_uuid = context.hash.of_uuid
    documents = {of_uuid(uuid): order for uuid, order in found.documents.items()}
    whole = Wanted(wanted.hash, wanted.clients, {**documents, **wanted.documents})
    removed = _lines(context, whole)
    removed["pending"] += len(found.pending)
    removed["duplicate"] += sum(map(context.ledger.count_repeats, found.documents))
    removed[RAW] += sum(map(len, found.raw.values()))
    if find_spec("pyarrow") is not None:
        from telemetry_server.aggregates.sealing import sealed_days
        from telemetry_server.privacy.forget_tables import count_rows

        rows, days = count_rows(context, whole)
        removed += rows
        summed = set(days_with_table(context.root)) - set(sealed_days(context.root))
        removed[AGGREGATES] += len(days & summed)
    for (_, place), count in forget_strays(context, whole, changes=False).items():
        removed[place] += count
    return removed


def _lines(context: Forgetting, wanted: Wanted) -> Counter[str]:
    counts: Counts = Counter()
    removed: Counter[str] = Counter()
    files = line_files(context)
    for path in context.index.holding(files, wanted.hashes()):
        file = files[path]
        key = PartitionKey.parse(file.directory)
        with (
            suppress(DamagedFile),
            damage_of(path),
            open_stored(context.root.path, path, context.ledger.archived_object) as stream,
        ):
            for line in read_lines(stream, file.length):
                if wanted.of_line(line) is not None:
                    removed[count_line(counts, key, line)] += 1
    return removed
