"""
Seals the tables of days whose records are about to be removed: from then on they are kept as they are.

A sealed table has no client ids, only how many clients a cell has.  Later deletions do not change it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from storage.aggregates.day_table import (
    SEALED,
    UNFINISHED_PREFIX,
    DayTable,
    Summarised,
    days_with_table,
    folder_of,
    read_day_table,
    unlisted,
    write_day_table,
)
from storage.aggregates.summary_file import CLIENTS, Column, SummaryWriter
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import BrokenAggregate
from storage.lock import FileLock
from telemetry_server.aggregates.cell_columns import CellBatch, column_of
from telemetry_server.aggregates.cells import NUMBERS, WORDS, cell_schema
from telemetry_server.aggregates.dimensions import Dimensions
from telemetry_server.aggregates.query import why_left_out
from telemetry_server.aggregates.sealed_cells import Cell, CellKey, MetricCells, UnionKey
from telemetry_server.aggregates.stored_sums import DaySums, dimensions_of_day, read_days
from telemetry_server.aggregates.summarise import add_inner_blocks
from telemetry_server.aggregates.summary_sums import DISTINCT_CLIENTS, VIEWS, WHOLE_DAY
from telemetry_server.aggregates.update import (
    LOCK_NAME,
    SUMMARISER_VERSION,
    TablesKeepChanging,
    Updater,
    files_of,
    is_current,
)

if TYPE_CHECKING:
    import pyarrow as pa

ATTEMPTS = 5


def sealed_days(root: DataRoot) -> list[str]:
    """Return the days that are sealed; a damaged list is left out, `aggregate --check` names it."""
    return [day for day in days_with_table(root) if _is_sealed(root, day)]


def _is_sealed(root: DataRoot, day: str) -> bool:
    try:
        table = read_day_table(root, day)
    except BrokenAggregate:
        return False
    return table is not None and table.is_sealed


class Sealer:
    """
    Seals days of one data root.

    Args:
        seal_below: Cells of fewer clients are merged into `OTHER`.
    """

    def __init__(self, root: DataRoot, disk: Disk, seal_below: int) -> None:
        self._root = root
        self._disk = disk
        self._seal_below = seal_below

    def seal(self, days: Iterable[str]) -> list[str]:
        """
        Seal *days*, whose records are still there; return those that were not sealed before.

        A kill at any moment leaves a day as it was, or sealed.

        Raises:
            OSError: The disk refuses.
            BrokenAggregate: The table of a day is damaged; remove its folder in state/aggregates.
            TableFileMissing: A table file is lost.
            TablesKeepChanging: The table files of a day do not come to rest.
        """
        sealed = []
        for day in days:
            for _ in range(ATTEMPTS):
                Updater(self._root, self._disk).update()
                with FileLock(self._root.state / LOCK_NAME).held():
                    is_done = self._seal_day(day)
                if is_done is not None:
                    sealed += [day] if is_done else []
                    break
            else:
                raise TablesKeepChanging(f"the table files of {day} are replaced all the time")
        return sealed

    def _seal_day(self, day: str) -> bool | None:
        """Return whether the day was sealed now; None where its table is not up to date."""
        table, files = read_day_table(self._root, day), files_of(self._root, day)
        if table is None:
            return None if files else False
        if table.is_sealed:
            return False
        if not is_current(table, files):
            return None
        new = DayTable(day, SUMMARISER_VERSION, (self._written(day),), is_sealed=True)
        write_day_table(self._root, self._disk, new)
        for path in list(unlisted(self._root, new, day)):
            self._disk.unlink(path)
        self._disk.sync_directory(folder_of(self._root, day))
        return True

    def _written(self, day: str) -> Summarised:
        """Write the one summary of a sealed day."""
        (sums,) = read_days(self._root, day, day)
        part = Summarised(SEALED, SEALED, 0, "")
        folder = folder_of(self._root, day)
        unfinished = folder / f"{UNFINISHED_PREFIX}{part.file_name}"
        self._disk.unlink(unfinished)
        writer = _SealedWriter(SummaryWriter(self._disk, unfinished), sums, self._seal_below)
        try:
            digest = writer.write()
        finally:
            writer.close()
        self._disk.rename(unfinished, folder / part.file_name)
        self._disk.sync_directory(folder)
        return replace(part, rows=writer.rows, digest=digest)


class _SealedWriter:
    """Writes the summary of one sealed day."""

    def __init__(self, file: SummaryWriter, day: DaySums, seal_below: int) -> None:
        self._file = file
        self._day = day
        self._seal_below = seal_below
        self._numbers: dict[Dimensions, int] = {}
        self._pairs: dict[tuple[str, str], int] = {}
        self._metrics: dict[str, dict[str, Any]] = {}
        self.rows = 0

    def write(self) -> str:
        """Write all; return the digest of the file."""
        dimensions = dimensions_of_day(self._day)
        summaries = self._day.summaries
        for metric in sorted({name for summary in summaries for name in summary.metrics}):
            found = MetricCells()
            for summary, own in zip(summaries, dimensions, strict=True):
                ids = summary.blocks(CLIENTS)[0].columns["ids"].tobytes()
                for block in summary.blocks(metric):
                    found.add(block, own, ids)
            self._add(metric, found.sealed(self._day.table.day, self._seal_below))
        self._file.add(CLIENTS, [Column("ids", 1, b"")], {})
        add_inner_blocks(self._file, self._numbers, self._pairs, self._metrics)
        index: Mapping[str, Any] = {
            "overflows": sorted({name for summary in summaries for name in summary.index["overflows"]}),
            "as_of": max((summary.index["as_of"] for summary in summaries), default=""),
        }
        return self._file.finish(index)

    def _add(self, metric: str, found: MetricCells) -> None:
        rows: list[tuple[CellKey | UnionKey, Cell | int]] = [
            *((key, found.cells[key]) for key in sorted(found.cells)),
            *((key, found.unions[key]) for key in sorted(found.unions, key=str)),
        ]
        self.rows += len(rows)
        numbers = [self._number(key.dimensions) for key, _ in rows]
        columns, values, _ = CellBatch(_table(metric, rows, numbers)).block(0, len(rows))
        distinct = [len(cell.clients) if isinstance(cell, Cell) else 0 for _, cell in rows]
        columns.append(column_of(DISTINCT_CLIENTS, _integers(distinct)))
        clients = {",".join(view): self._whole_day(found.cells, view) for view in VIEWS}
        self._file.add(metric, columns, {**values, WHOLE_DAY: clients})
        pairs = {self._pair(key.dimensions) for key in found.cells}
        self._metrics[metric] = {
            "pairs": sorted(pairs),
            "processes": sorted({key.process for key in found.cells}),
        }

    def _whole_day(self, cells: Mapping[CellKey, Cell], view: tuple[str, ...]) -> dict[str, list[int]]:
        """Return how many cells with clients a view of the whole day has, and distinct clients; by shape."""
        shown: dict[str, list[Cell]] = defaultdict(list)
        for key, cell in cells.items():
            if cell.clients and why_left_out(key.dimensions, self._day.table.day, view) is None:
                shown[key.shape].append(cell)
        return {
            shape: [len(of_shape), len(set().union(*(cell.clients for cell in of_shape)))]
            for shape, of_shape in sorted(shown.items())
        }

    def _number(self, dimensions: Dimensions) -> int:
        return self._numbers.setdefault(dimensions, len(self._numbers))

    def _pair(self, dimensions: Dimensions) -> int:
        return self._pairs.setdefault((dimensions.channel, dimensions.version), len(self._pairs))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _table(
    metric: str, rows: Sequence[tuple[CellKey | UnionKey, Cell | int]], dimensions: Sequence[int]
) -> "pa.Table":
    """Return *rows* as cells without clients."""
    import pyarrow as pa

    schema = cell_schema()
    pings = NUMBERS.index("pings")
    numbers = [
        cell.numbers if isinstance(cell, Cell) else [0] * pings + [cell] + [0] * (len(NUMBERS) - pings - 1)
        for _, cell in rows
    ]
    counts = [sorted(cell.counts.items()) if isinstance(cell, Cell) else [] for _, cell in rows]
    columns: dict[str, list[Any]] = {
        "metric": [metric] * len(rows),
        **{name: [getattr(key, name) for key, _ in rows] for name in WORDS[1:]},
        "dimensions": list(dimensions),
        "starts": [[start for start, _ in each] for each in counts],
        "counts": [[count for _, count in each] for each in counts],
        **{name: [each[place] for each in numbers] for place, name in enumerate(NUMBERS)},
        "clients": [[]] * len(rows),
    }
    words = pa.string()
    return pa.table(
        {
            name: pa.array(values, words).dictionary_encode().cast(schema.field(name).type)
            if name in WORDS
            else pa.array(values, schema.field(name).type)
            for name, values in columns.items()
        }
    )


def _integers(numbers: Sequence[int]) -> "pa.Array":
    import pyarrow as pa

    return pa.array(numbers, pa.int64())
