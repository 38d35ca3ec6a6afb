"""Compares the tables with the records that they were made from."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.archive.object_reading import open_stored
from storage.data_root import DataRoot
from storage.errors import DamagedObject
from storage.ledger.ledger import Ledger
from storage.ledger.table_files import Tabled, TableFile
from storage.partitions.frames import DamagedFrame
from storage.tables.columns import PINGS, TABLES, as_written
from storage.tables.digest import RowsDigest, digest_of
from storage.tables.ping_ids import KEY_COLUMNS, PingIds
from storage.tables.reading import open_part
from telemetry_server.tables.stored_rows import StoredRows
from telemetry_server.tables.task_rows import DefinitionFinder

if TYPE_CHECKING:
    import pyarrow as pa

ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class DayCheck:
    """What the check of one day found: one line each."""

    day: str
    rows: int
    findings: tuple[str, ...]


def days_of(ledger: Ledger, day: str | None = None) -> list[str]:
    """Return the days that have converted files or tables, in order; only *day* if given."""
    days = {file.day for file in ledger.table_files(day=day)}
    return sorted(days | {file.day for file in ledger.tabled(day)})


def check_day(
    root: DataRoot,
    ledger: Ledger,
    finder: Callable[[], DefinitionFinder],
    day: str,
    *,
    tables: Sequence[str] = TABLES,
    on_bytes: Callable[[int], None] = lambda _: None,
) -> DayCheck:
    """
    Read the records and the *tables* of *day* again, and compare.

    The server may be at work meanwhile: what it commits after the start is not looked at.

    Raises:
        OSError: A file cannot be read for another reason than that it is gone.
    """
    for attempt in range(ATTEMPTS):
        with ledger.snapshot():
            files = ledger.table_files(day=day)
            tabled = ledger.tabled(day)
            archived = ledger.archived_objects(day)
        try:
            stored = StoredRows(root.path, finder(), on_bytes, archived=archived)
            return _compare(root, ledger, day, tables=tables, files=files, tabled=tabled, stored=stored)
        except FileNotFoundError as error:
            # Merged into another file since, or lost.
            with ledger.snapshot():
                known = {file.path for file in ledger.table_files(day=day)}
                known |= {file.path for file in ledger.tabled(day)}
            lost = [path for path in known if str(error.filename) == str(root.path / path)]
            if lost or attempt == ATTEMPTS - 1:
                return DayCheck(day, 0, (f"{lost[0] if lost else error.filename}: gone",))
    raise AssertionError("unreachable")


def _compare(
    root: DataRoot,
    ledger: Ledger,
    day: str,
    *,
    tables: Sequence[str],
    files: Sequence[TableFile],
    tabled: Sequence[Tabled],
    stored: StoredRows,
) -> DayCheck:
    findings: list[str] = []
    found: defaultdict[str, RowsDigest] = defaultdict(RowsDigest)
    pings: list[pa.RecordBatch] = []
    for file in files:
        if file.table == PINGS:
            found[PINGS] += _digest_of_file(root, ledger, file, findings, lambda rows: _noted(rows, pings))
    ids = PingIds(pings)
    for file in files:
        if file.table != PINGS and file.table in tables:
            found[file.table] += _digest_of_file(root, ledger, file, findings, ids.with_ids)
    wanted: defaultdict[str, RowsDigest] = defaultdict(RowsDigest)
    try:
        for rows in stored.tables(tabled):
            ids = PingIds(rows[PINGS])
            for table in tables:
                named = _without_numbers if table == PINGS else ids.with_ids
                wanted[table] += sum((digest_of(named(batch)) for batch in rows[table]), RowsDigest())
    except (EOFError, DamagedFrame, DamagedObject) as error:
        return DayCheck(day, 0, (*findings, f"converted/{day}: damaged: {error}"))
    for table in tables:
        have, want = found[table], wanted[table]
        if have.rows != want.rows:
            findings.append(f"tables/{table}/{day}: {have.rows} rows, {want.rows} in the records")
        elif have != want:
            findings.append(f"tables/{table}/{day}: as many rows as in the records, but other values")
    known = ledger.shapes()
    differing = sum(known.get(shape) != row for shape, row in stored.shapes.items())
    if differing:
        findings.append(f"{day}: {differing} shapes are not in the ledger as the records have them")
    return DayCheck(day, sum(digest.rows for digest in found.values()), tuple(findings))


def _digest_of_file(
    root: DataRoot,
    ledger: Ledger,
    file: TableFile,
    findings: list[str],
    named: "Callable[[pa.RecordBatch], pa.RecordBatch]",
) -> RowsDigest:
    """
    Return the digest of the rows of *file*; add what is wrong with it to *findings*.

    Args:
        named: Replaces the numbers of pings, which are others each time that rows are written.
    """
    try:
        digest = sum((digest_of(named(rows)) for rows in _rows_of(root, ledger, file)), RowsDigest())
    except FileNotFoundError:
        raise
    except (OSError, ValueError, DamagedObject) as error:
        findings.append(f"{file.path}: damaged: {' '.join(str(error).split())}")
        return RowsDigest()
    except KeyError:
        findings.append(f"{file.path}: damaged: its columns are not those of {file.table}")
        return RowsDigest()
    if digest.rows != file.rows:
        findings.append(f"{file.path}: {digest.rows} rows where the ledger says {file.rows}")
    return digest


def _noted(rows: "pa.RecordBatch", pings: "list[pa.RecordBatch]") -> "pa.RecordBatch":
    """Add the ids of *rows* to *pings*, and return the rows without their numbers."""
    pings.append(rows.select([*KEY_COLUMNS, "ping"]))
    return _without_numbers(rows)


def _without_numbers(rows: "pa.RecordBatch") -> "pa.RecordBatch":
    return rows.drop_columns(["ping"])


def _rows_of(root: DataRoot, ledger: Ledger, file: TableFile) -> "Iterator[pa.RecordBatch]":
    # Opened here: PyArrow's own error for a missing file does not name it.
    with open_stored(root.path, file.path, ledger.archived_object) as stream:
        parquet = open_part(file.table, stream)
        for group in range(parquet.num_row_groups):
            rows = parquet.read_row_group(group, use_threads=False)
            yield from as_written(file.table, rows).combine_chunks().to_batches()
