"""Makes the tables of a day anew from its records, beside readers and conversion."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from storage.archive.object_reading import open_stored
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.ledger.table_files import Tabled, TableFile
from storage.lock import FileLock
from storage.partitions.writer import remove_doubtful
from storage.tables.columns import PINGS, TABLES
from storage.tables.merging import merge_scratch
from storage.tables.part_file import Scratch, ScratchFile, TablesChanged, install
from storage.tables.ping_ids import KEY_COLUMNS, PingIds, PingNumbers, UnknownPing
from telemetry_server.tables.stored_rows import StoredRows
from telemetry_server.tables.task_rows import DefinitionFinder

if TYPE_CHECKING:
    import pyarrow as pa

ATTEMPTS = 5
MERGED_TOGETHER = 16
REBUILT_STEP_BYTES = 8 << 20  # of lines, compressed


class Rebuilder:
    """Rebuilds days of one data root."""

    def __init__(
        self,
        root: DataRoot,
        ledger: Ledger,
        disk: Disk,
        finder: Callable[[], DefinitionFinder],
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._root = root
        self._ledger = ledger
        self._disk = disk
        self._finder = finder
        self._on_bytes = on_bytes
        self._scratch = Scratch(root, disk)
        self._lock = FileLock(root.state / "converter.lock")

    def rebuild_day(self, day: str, tables: Sequence[str] = TABLES) -> int:
        """
        Write the *tables* of *day* anew from the records that they cover, and return how many rows they have.

        Rows name pings by number: with the table ``pings``, whose numbers become others, all tables are
        written.  Without it rows keep the numbers that are there; where a ping has none, all are written.

        The old files count until the new ones do, in one commit; conversion goes on meanwhile.

        Raises:
            OSError, StorageError: The disk refuses; the tables stay as they were.
            EOFError, DamagedFrame: A converted file is damaged; the tables stay as they were.
            TablesChanged: Another process changed the day's files at every attempt.
        """
        if PINGS in tables:
            tables = TABLES
        for attempt in range(ATTEMPTS):
            try:
                return self._attempt(day, tables)
            except UnknownPing:
                tables = TABLES
            except (TablesChanged, FileNotFoundError):
                # Files were merged meanwhile.
                if attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def _attempt(self, day: str, tables: Sequence[str]) -> int:
        with self._lock.held():
            remove_doubtful(self._root.path, self._ledger, self._disk)
            with self._ledger.snapshot():
                committed = self._ledger.table_files(day=day)
                tabled = self._ledger.tabled(day)
                archived = self._ledger.archived_objects(day)
        old = [file for file in committed if file.table in tables]
        numbered_by = [] if PINGS in tables else [file for file in committed if file.table == PINGS]
        files: list[ScratchFile] = []
        try:
            stored = StoredRows(self._root.path, self._finder(), self._on_bytes, archived=archived)
            found = self._numbered_rows(stored, tabled, None if PINGS in tables else numbered_by)
            for table, batches in found:
                if table in tables:
                    files.append(self._scratch.write(table, day, batches))
                    self._merge_last(table, files)
            self._install(files, old, numbered_by, stored)
        except BaseException:
            self._scratch.discard(files)
            raise
        return sum(file.rows for file in files)

    def _numbered_rows(
        self, stored: StoredRows, tabled: Sequence[Tabled], numbered_by: Sequence[TableFile] | None
    ) -> "Iterator[tuple[str, Iterable[pa.RecordBatch]]]":
        """
        Yield the rows of a table, some records at a time, with new numbers or those in *numbered_by*.

        Raises:
            UnknownPing: *numbered_by* lacks one of the pings.
        """
        if numbered_by is None:
            for found in stored.tables(tabled, REBUILT_STEP_BYTES, self._number_pings):
                yield from ((table, rows) for table, rows in found.items() if rows.num_rows)
            return
        known = self._ids_in(numbered_by)
        for found in stored.tables(tabled, REBUILT_STEP_BYTES):
            numbers = PingNumbers(PingIds(found[PINGS]), known)
            yield from ((table, map(numbers.change, rows)) for table, rows in found.items() if rows.num_rows)

    def _install(
        self,
        files: Sequence[ScratchFile],
        old: Sequence[TableFile],
        numbered_by: Sequence[TableFile],
        stored: StoredRows,
    ) -> None:
        with self._lock.held():
            if not set(numbered_by) <= set(self._ledger.table_files(PINGS)):
                raise TablesChanged
            install(
                self._root,
                self._ledger,
                self._disk,
                files,
                old=old,
                also=lambda transaction: transaction.put_shapes(stored.shapes),
            )

    def _number_pings(self, count: int) -> int:
        with self._lock.held(), self._ledger.transaction() as transaction:
            return transaction.number_pings(count)

    def _ids_in(self, files: Sequence[TableFile]) -> PingIds:
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = [*KEY_COLUMNS, "ping"]
        read = []
        try:
            for file in files:
                with open_stored(self._root.path, file.path, self._ledger.archived_object) as stream:
                    read.append(pq.read_table(stream, columns=columns))
            return PingIds(read)
        except pa.ArrowInvalid as error:
            raise UnknownPing from error

    def _merge_last(self, table: str, files: list[ScratchFile]) -> None:
        """Keep the number of parts small: as soon as many small ones are there, they become one."""
        small = [file for file in files if file.table == table and not file.is_merged]
        if len(small) >= MERGED_TOGETHER:
            merged = merge_scratch(self._scratch, small)
            files[:] = [file for file in files if file not in small] + [merged]
            self._scratch.discard(small)
