"""Merges sorted part files into one, in bounded memory: each row group is decoded once."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.ledger.table_files import TABLES_FOLDER, TableFile
from storage.partitions.compact import Merged
from storage.tables.columns import ROW_GROUP_ROWS, SORT_ORDER, as_written
from storage.tables.memory import use_system_memory
from storage.tables.part_file import Scratch, ScratchFile, TablesChanged, install
from storage.tables.reading import open_part
from storage.tables.sorting import sorted_rows

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MAX_OPEN_DAY_PARTS = 50
MERGED_AT_ONCE_BYTES = 96 << 20
BATCH_ROWS = 2 * ROW_GROUP_ROWS
# Of all files about so many decoded rows are in memory, of one at least and at most so many.
LOADED_ROWS, LEAST_LOADED_ROWS = 8 * ROW_GROUP_ROWS, ROW_GROUP_ROWS // 8
# A decoded row group takes about this many times its uncompressed bytes.
DECODED_GROWTH = 4

Key = tuple[tuple[bool, Any], ...]
"""Values that rows are sorted by; null comes last."""


class _Cursor:
    """Goes through the rows of one part file; at most *loaded* of them are in memory."""

    def __init__(self, table: str, file: "pq.ParquetFile", loaded: int) -> None:
        self._table = table
        self._file = file
        self._batches = file.iter_batches(loaded, use_threads=False)
        self._rows: pa.RecordBatch | None = None
        self.last: Key = ()
        self.load()

    @property
    def has_rows(self) -> bool:
        """Whether a loaded row was not taken."""
        return bool(self._rows)

    def load(self) -> None:
        """Read the next rows, if there are any, after all loaded ones were taken."""
        import pyarrow as pa

        self._rows = None
        for read in self._batches:
            if read.num_rows:
                rows = as_written(self._table, pa.Table.from_batches([read])).combine_chunks()
                self._rows = rows.to_batches()[0]
                self.last = self._key(read.num_rows - 1)
                return
        self._file.close()

    def _key(self, row: int) -> Key:
        assert self._rows is not None
        values = (self._rows.column(name)[row].as_py() for name in SORT_ORDER[self._table])
        return tuple((value is None, value) for value in values)

    def take_before(self, bound: Key) -> "pa.RecordBatch | None":
        """Take the loaded rows whose key is less than *bound*."""
        return self._take(bound, bisect_left)

    def take_to(self, bound: Key) -> "pa.RecordBatch | None":
        """Take the loaded rows whose key is at most *bound*."""
        return self._take(bound, bisect_right)

    def _take(self, bound: Key, search: Callable[..., int]) -> "pa.RecordBatch | None":
        if self._rows is None:
            return None
        count = search(range(self._rows.num_rows), bound, key=self._key)
        taken = self._rows.slice(0, count)
        self._rows = self._rows.slice(count)
        return taken if count else None


def merged_rows(table: str, paths: Sequence[Path]) -> Iterator["pa.RecordBatch"]:
    """
    Yield the rows of part files of *table* in its order; equal ones in the order of the files.

    Raises:
        OSError, pyarrow.ArrowInvalid: A file cannot be read.
    """
    loaded = min(max(LOADED_ROWS // len(paths), LEAST_LOADED_ROWS), ROW_GROUP_ROWS)
    cursors = [_Cursor(table, open_part(table, path), loaded) for path in paths]
    taken: list[pa.RecordBatch] = []
    count = 0
    while unread := [cursor for cursor in cursors if cursor.has_rows]:
        # All rows before this are loaded.  Those that are equal to it may fill many row groups.
        bound = min(cursor.last for cursor in unread)
        for rows in _rows_to(unread, bound):
            if rows is None:
                if count >= BATCH_ROWS:
                    yield _sorted(table, taken)
                    taken, count = [], 0
                continue
            taken.append(rows)
            count += rows.num_rows
    if taken:
        yield _sorted(table, taken)


def _rows_to(cursors: Sequence[_Cursor], bound: Key) -> "Iterator[pa.RecordBatch | None]":
    """Yield the rows of *cursors* up to *bound*, and None where what follows belongs behind all before."""
    yield from (rows for cursor in cursors if (rows := cursor.take_before(bound)) is not None)
    yield None
    for cursor in cursors:
        while (rows := cursor.take_to(bound)) is not None:
            yield rows
            yield None
            if cursor.has_rows:
                break
            cursor.load()


def _sorted(table: str, batches: "list[pa.RecordBatch]") -> "pa.RecordBatch":
    import pyarrow as pa

    rows = pa.Table.from_batches(batches).unify_dictionaries().combine_chunks()
    return sorted_rows(table, rows.to_batches()[0])


def merge_parts(root: DataRoot, scratch: Scratch, files: Sequence[TableFile]) -> ScratchFile:
    """
    Return a new file with the rows of *files*, which are of one table and day.

    Raises:
        OSError: A file is missing, or the disk refuses.
        EOFError: A file has other rows than the ledger says, or is damaged.
    """
    paths = [root.path / file.path for file in files]
    return _merge(scratch, files[0].table, files[0].day, paths, sum(file.rows for file in files))


def merge_scratch(scratch: Scratch, files: Sequence[ScratchFile]) -> ScratchFile:
    """
    Return a new file with the rows of *files*, which are of one table and day and are kept.

    Raises:
        OSError: The disk refuses.
        EOFError: A file is damaged.
    """
    paths = [file.path for file in files]
    return _merge(scratch, files[0].table, files[0].day, paths, sum(file.rows for file in files))


def _merge(scratch: Scratch, table: str, day: str, paths: Sequence[Path], rows: int) -> ScratchFile:
    import pyarrow as pa

    done: list[ScratchFile] = []
    try:
        with scratch.writing(table, day, done) as writer:
            for batch in merged_rows(table, paths):
                writer.write(pa.Table.from_batches([batch]))
    except pa.ArrowInvalid as error:
        raise EOFError(f"{paths[0].parent}: damaged: {error}") from error
    if done[0].rows != rows:
        scratch.discard(done)
        raise EOFError(f"{paths[0].parent}: {done[0].rows} rows instead of {rows}")
    return replace(done[0], is_merged=True)


def mergeable(root: DataRoot, files: Sequence[TableFile], most: int) -> list[TableFile]:
    """
    Return the smallest of *files* to merge so that at most *most* remain, as far as memory allows.

    A larger file is merged only with others of the same total size, so that a day's rows are
    rewritten few times.
    """
    by_size = sorted(files, key=lambda file: file.bytes)
    chosen: list[TableFile] = []
    weight = held = 0
    for file in by_size:
        if len(chosen) > 1 and len(files) - len(chosen) + 1 <= most and file.bytes > weight:
            break
        held += _decoded_bytes(root.path / file.path)
        if len(chosen) > 1 and held > MERGED_AT_ONCE_BYTES:
            break
        chosen.append(file)
        weight += file.bytes
    return chosen if len(chosen) > 1 else []


def _decoded_bytes(path: Path) -> int:
    """Return about how much memory the largest row group takes."""
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(path)
    except FileNotFoundError:
        return 0
    sizes = (metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    return DECODED_GROWTH * max(sizes, default=0)


def compact_tables(
    root: DataRoot, ledger: Ledger, disk: Disk, day: str, locked: Callable[[], AbstractContextManager[object]]
) -> Iterator[Merged]:
    """
    Merge the parts of each table of *day* (YYYYMMDD) into one file, but for those in the archive.

    Args:
        locked: Holds the converter's lock, which only the commit needs.

    Raises:
        OSError, StorageError: The disk refuses; the current table is unchanged.
        EOFError: A committed file is damaged; it is unchanged.
    """
    use_system_memory()
    scratch = Scratch(root, disk)
    for table in sorted({file.table for file in ledger.table_files(day=day)}):
        before = files = local_files(ledger, table, day)
        while len(files) > 1:
            _merge_some(root, ledger, disk, scratch=scratch, files=files, locked=locked)
            files = local_files(ledger, table, day)
        if len(before) > 1:
            sizes = (sum(file.bytes for file in before), sum(file.bytes for file in files))
            rows = sum(file.rows for file in files)
            yield Merged(f"{TABLES_FOLDER}/{table}/{day}", len(before), *sizes, rows)


def local_files(ledger: Ledger, table: str, day: str) -> list[TableFile]:
    """Return the part files of *table* and *day* (YYYYMMDD) that are not in the archive: these are merged."""
    archived = ledger.archived_objects(day)
    return [file for file in ledger.table_files(table, day) if file.path not in archived]


def _merge_some(
    root: DataRoot,
    ledger: Ledger,
    disk: Disk,
    *,
    scratch: Scratch,
    files: Sequence[TableFile],
    locked: Callable[[], AbstractContextManager[object]],
) -> None:
    """Merge as many of *files* as memory allows; do nothing if another process replaced them first."""
    chosen = mergeable(root, files, most=1)
    try:
        merged = merge_parts(root, scratch, chosen)
    except FileNotFoundError:
        if set(chosen) <= set(ledger.table_files()):
            raise  # it is lost
        return
    try:
        with locked():
            install(root, ledger, disk, [merged], old=chosen)
    except TablesChanged:
        scratch.discard([merged])
    except BaseException:
        scratch.discard([merged])
        raise
