"""Removes rows of the tables: the files of a day that hold a ping, in one commit."""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress

from storage.archive.object_reading import stored_source
from storage.ledger.table_files import TableFile
from storage.ledger.transaction import Transaction
from storage.tables.columns import PINGS, as_written
from storage.tables.part_file import Scratch, ScratchFile, TablesChanged, install
from storage.tables.reading import open_part
from telemetry_server.privacy.damaged_files import DamagedFile, MissingFile, damage_of
from telemetry_server.privacy.forget_wanted import Wanted
from telemetry_server.privacy.places import Forgetting, number_key, uuids_of

ATTEMPTS = 5


def forget_rows(context: Forgetting, wanted: Wanted) -> tuple[int, list[str]]:
    """
    Remove the rows of all pings that are *wanted*.

    Returns:
        How many files were rewritten, and one line for each day that was left because a file is damaged.

    Raises:
        OSError, StorageError: The disk refuses; days that were committed stay so.
        TablesChanged: Another process changed a day at every attempt.
    """
    rewritten, damaged = 0, []
    for day in sorted({file.day for file in context.ledger.table_files(PINGS)}):
        for attempt in range(ATTEMPTS):
            try:
                rewritten += _forget_day(context, wanted, day)
                break
            except TablesChanged:
                if attempt == ATTEMPTS - 1:
                    raise
            except MissingFile as error:
                # Merged into other files meanwhile, or lost.
                if attempt == ATTEMPTS - 1:
                    damaged.append(str(error))
            except DamagedFile as error:
                damaged.append(str(error))
                break
    return rewritten, damaged


def _forget_day(context: Forgetting, wanted: Wanted, day: str) -> int:
    files = {file.path: file for file in context.ledger.table_files(day=day)}
    pings = [path for path, file in files.items() if file.table == PINGS]
    numbers: dict[int, int] = {}
    candidates = context.index.holding(pings, wanted.documents)
    for path in candidates:
        numbers |= _numbers(context, wanted, files[path])
    if not numbers:
        return 0
    removed: Counter[tuple[int, str]] = Counter()
    scratch = Scratch(context.root, context.disk)
    written: list[ScratchFile] = []
    old: list[TableFile] = []
    keys = [number_key(number) for number in numbers]
    others = [path for path in files if path not in pings]
    candidates += context.index.holding(others, keys)
    context.archived.bring_back(candidates)
    try:
        for path in candidates:
            file = files[path]
            if _write_rest(context, scratch, file, numbers, removed=removed, written=written):
                old.append(file)
        with context.lock.held():
            install(
                context.root,
                context.ledger,
                context.disk,
                [file for file in written if file.rows],
                old=old,
                also=lambda transaction: _count(transaction, removed),
            )
    except BaseException:
        scratch.discard(written)
        raise
    scratch.discard([file for file in written if not file.rows])
    return len(old)


def count_rows(context: Forgetting, wanted: Wanted) -> tuple[Counter[str], set[str]]:
    """
    Return how many rows are of *wanted* pings, by table, and the days that have such rows.

    On a day with a damaged file, only the rows that can be read are counted.
    """
    removed: Counter[str] = Counter()
    days = set()
    for day in sorted({file.day for file in context.ledger.table_files(PINGS)}):
        with suppress(DamagedFile):
            for table, count in _counted_in_day(context, wanted, day):
                days.add(day)
                removed[_place(table)] += count
    return removed, days


def _counted_in_day(context: Forgetting, wanted: Wanted, day: str) -> Iterator[tuple[str, int]]:
    files = {file.path: file for file in context.ledger.table_files(day=day)}
    pings = [path for path, file in files.items() if file.table == PINGS]
    numbers: dict[int, int] = {}
    for path in context.index.holding(pings, wanted.documents):
        numbers |= _numbers(context, wanted, files[path])
    if numbers:
        yield PINGS, len(numbers)
        keys = [number_key(number) for number in numbers]
        for path in context.index.holding([path for path in files if path not in pings], keys):
            yield files[path].table, _rows_of(context, files[path], numbers)


def _rows_of(context: Forgetting, file: TableFile, numbers: Collection[int]) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = pa.array(sorted(numbers), pa.int64())
    source = stored_source(context.root.path, file.path, context.ledger.archived_object)
    with damage_of(file.path), open_part(file.table, source) as part:
        return sum(
            pc.sum(pc.is_in(rows.column("ping"), wanted)).as_py() or 0
            for rows in part.iter_batches(columns=["ping"])
        )


def _place(table: str) -> str:
    return f"rows of {table}"


def _count(transaction: Transaction, removed: Counter[tuple[int, str]]) -> None:
    transaction.count_removed(removed)


def _numbers(context: Forgetting, wanted: Wanted, file: TableFile) -> dict[int, int]:
    """Return the wanted pings of a part of the table of pings, by their numbers, with their orders."""
    source = stored_source(context.root.path, file.path, context.ledger.archived_object)
    with damage_of(file.path), open_part(PINGS, source) as part:
        found = {}
        for rows in part.iter_batches(columns=["document_id", "ping"]):
            pairs = zip(uuids_of(rows.column("document_id")), rows.column("ping").to_pylist(), strict=True)
            for document_id, number in pairs:
                order = wanted.document(document_id)
                if order is not None:
                    found[number] = order
        return found


def _write_rest(
    context: Forgetting,
    scratch: Scratch,
    file: TableFile,
    numbers: dict[int, int],
    *,
    removed: Counter[tuple[int, str]],
    written: list[ScratchFile],
) -> bool:
    """Write the rows of *file* that stay; return whether any went."""
    import pyarrow as pa
    import pyarrow.compute as pc

    with damage_of(file.path), open_part(file.table, context.root.path / file.path) as part:
        groups = range(part.num_row_groups)
        wanted = pa.array(sorted(numbers), pa.int64())
        holds = any(
            pc.any(pc.is_in(part.read_row_group(group, columns=["ping"]).column("ping"), wanted)).as_py()
            for group in groups
        )
        if not holds:
            return False
        with scratch.writing(file.table, file.day, written) as writer:
            for group in groups:
                rows = as_written(file.table, part.read_row_group(group, use_threads=False))
                gone = pc.is_in(rows.column("ping"), wanted)
                for number in rows.filter(gone).column("ping").to_pylist():
                    removed[numbers[number], _place(file.table)] += 1
                kept = rows.filter(pc.invert(gone))
                if kept.num_rows:
                    writer.write(kept)
    return True
