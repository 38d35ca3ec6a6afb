"""The rows that the records of a day have, read again from the lines."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from storage.ledger.archived_files import ArchivedObject
from storage.ledger.table_files import ShapeRow, Tabled
from storage.tables.arrow_rows import SortedTable, sorted_rows_of
from telemetry_server.tables.line_reader import STEP_BYTES, LineRange, read_back
from telemetry_server.tables.task_rows import DefinitionFinder


class StoredRows:
    """
    Reads the rows of records that are in the tables, a few MiB of lines at a time.

    Args:
        archived: The copies in the archive, by path.
    """

    def __init__(
        self,
        root: Path,
        finder: DefinitionFinder,
        on_bytes: Callable[[int], None] = lambda _: None,
        *,
        archived: Mapping[str, ArchivedObject],
    ) -> None:
        self._root = root
        self._archived = archived
        self._finder = finder
        self._on_bytes = on_bytes
        self.shapes: dict[str, ShapeRow] = {}

    def tables(
        self,
        files: Sequence[Tabled],
        step_bytes: int = STEP_BYTES,
        number_pings: Callable[[int], int] = lambda _: 0,
    ) -> Iterator[dict[str, SortedTable]]:
        """
        Yield the rows of the records of one day by table, some records at a time.

        Args:
            number_pings: Reserves so many numbers for the pings of these records, and returns the first.

        Raises:
            FileNotFoundError: A file was merged into another meanwhile, or is lost.
            EOFError, DamagedFrame: A file is damaged.
        """
        waiting = [
            LineRange(file.path, file.day, 0, file.tabled, self._archived.get(file.path))
            for file in files
            if file.tabled
        ]
        while waiting:
            read = read_back(self._root, waiting, self._finder, step_bytes)
            last = read.ranges[-1]
            unread = waiting[len(read.ranges) :]
            asked = waiting[len(read.ranges) - 1]
            rest = [replace(asked, start=last.end)] if last.end < asked.end else []
            waiting = rest + unread
            self._on_bytes(sum(one.end - one.start for one in read.ranges))
            for rows in read.rows.values():
                for shape, (kind, starts, labels) in rows.shapes.items():
                    self.shapes[shape] = ShapeRow(kind, tuple(starts), tuple(labels))
                yield sorted_rows_of([(rows, None)], number_pings(len(rows.pings)))
