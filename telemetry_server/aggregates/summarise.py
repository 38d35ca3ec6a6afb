"""Makes the summary of one table file: a function of its rows and of their pings."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.aggregates.summary_file import (
    CLIENTS,
    DIMENSIONS,
    METRICS,
    Column,
    SummaryWriter,
    numbers_of,
)
from storage.disk import Disk
from storage.tables.columns import HISTOGRAMS, PING_KEY, PINGS, SCALARS
from storage.tables.reading import PartReader, PartSource
from telemetry_server.aggregates.cells import NUMBERS, WORDS, cells_of
from telemetry_server.aggregates.checked_sums import SumTooLarge
from telemetry_server.aggregates.columns import one_array, parted, ranked
from telemetry_server.aggregates.counted_rows import counted_batches, counted_of_metric
from telemetry_server.aggregates.day_pings import BATCH_ROWS, DayPings
from telemetry_server.aggregates.dimensions import Dimensions
from telemetry_server.aggregates.facts import (
    HISTOGRAM_COLUMNS,
    SCALAR_COLUMNS,
    Pings,
    facts_of_histograms,
    facts_of_pings,
    facts_of_scalars,
)

if TYPE_CHECKING:
    import pyarrow as pa

SUMMARISED = (PINGS, HISTOGRAMS, SCALARS)
# A metric with more rows is summed up in several passes, each over a part of its dimensions.
MAX_METRIC_ROWS = 65_536
FACTS: "Mapping[str, tuple[Sequence[str], Callable[[pa.Table, Pings], pa.Table | None]]]" = {
    HISTOGRAMS: (HISTOGRAM_COLUMNS, facts_of_histograms),
    SCALARS: (SCALAR_COLUMNS, facts_of_scalars),
}
LISTS = ("starts", "counts", "clients")


@dataclass(slots=True)
class Made:
    """A summary file that was written."""

    digest: str
    overflows: list[str]  # metrics that are left out, because a sum is past 64 bits


def summarise(table: str, source: PartSource, pings: DayPings, disk: Disk, target: Path) -> Made:
    """
    Write the summary of the file *source* of *table* to *target*, which must not exist.

    Raises:
        OSError, pyarrow.ArrowInvalid: *source* cannot be read, or the disk refuses.
    """
    with PartReader(table, source) as part:
        # Numbers of clients and dimensions must not depend on the other pings of the day.
        own = pings.of(_ping_keys(part), by_country=table == PINGS)
        writer = _Summariser(SummaryWriter(disk, target), own)
        try:
            for facts in _facts_of(table, part, own):
                writer.add(facts)
            return writer.finish()
        finally:
            writer.close()


def _ping_keys(part: PartReader) -> "pa.Array":
    import pyarrow as pa

    found = [one_array(rows.column(PING_KEY)).unique() for rows in part.batches((PING_KEY,), BATCH_ROWS)]
    return pa.concat_arrays(found).unique()


def _facts_of(table: str, part: PartReader, pings: Pings) -> "Iterator[pa.Table]":
    """Yield facts of whole metrics; of a metric with very many rows, of some of its dimensions."""
    if table == PINGS:
        for rows in part.batches((PING_KEY,), BATCH_ROWS):
            yield facts_of_pings(rows, pings)
        return
    columns, facts_of = FACTS[table]
    metrics = WholeMetrics()
    for rows in metrics.of(counted_batches(part, columns, BATCH_ROWS)):
        facts = facts_of(rows, pings)
        if facts is not None:
            yield facts
    for metric, count in metrics.large.items():
        parts = -(-count // MAX_METRIC_ROWS)
        for number in range(parts):
            yield from _part_of(part, metric, columns, lambda rows: facts_of(rows, pings), (number, parts))


def _part_of(
    part: PartReader,
    metric: str,
    columns: Sequence[str],
    facts_of: "Callable[[pa.Table], pa.Table | None]",
    which: tuple[int, int],
) -> "Iterator[pa.Table]":
    """Yield the facts of *metric* whose dimensions are in one of several parts: no cell is in two of them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    held = []
    for rows in counted_of_metric(part, metric, columns):
        facts = facts_of(rows)
        if facts is not None:
            _, rest = parted(one_array(facts.column("dimensions")), which[1])
            held.append(facts.filter(pc.equal(rest, which[0])))
    found = pa.concat_tables(held).unify_dictionaries() if held else None
    if found is not None and found.num_rows:
        yield found


class WholeMetrics:
    """
    Divides rows that are sorted by metric so that no metric is in two of the results.

    Attributes:
        large: Metrics with more than `MAX_METRIC_ROWS` rows, and how many they have.  They are left out.
    """

    def __init__(self) -> None:
        self.large: dict[str, int] = {}
        self._held: list[pa.Table] = []
        self._held_rows = 0
        self._name = ""

    def of(self, batches: "Iterable[pa.Table]") -> "Iterator[pa.Table]":
        """Yield the rows of *batches* in their order."""
        for batch in batches:
            counts = one_array(batch.column("metric")).value_counts().to_pylist()
            last = counts[-1]["values"]
            rest = batch.num_rows - counts[-1]["counts"]
            if counts[0]["values"] != self._name or len(counts) > 1:
                self._hold(batch.slice(0, rest), counts[0])
                yield from self._taken()
            self._name = last
            self._hold(batch.slice(rest), counts[-1])
        yield from self._taken()

    def _hold(self, rows: "pa.Table", first: Mapping[str, Any]) -> None:
        name = first["values"]
        if name in self.large:
            self.large[name] += first["counts"]
            rows = rows.slice(first["counts"])
        elif self._held_rows + first["counts"] > MAX_METRIC_ROWS and name == self._name:
            self.large[name] = self._held_rows + first["counts"]
            self._held, self._held_rows = [], 0
            rows = rows.slice(first["counts"])
        if rows.num_rows:
            self._held.append(rows)
            self._held_rows += rows.num_rows

    def _taken(self) -> "Iterator[pa.Table]":
        import pyarrow as pa

        held, self._held, self._held_rows = self._held, [], 0
        if held:
            yield pa.concat_tables(held)


class _Summariser:
    """Adds the cells of facts to a summary file, and keeps its index."""

    def __init__(self, file: SummaryWriter, pings: Pings) -> None:
        self._file = file
        self._pings = pings
        self._no_client = len(pings.client_ids)
        self._pairs = sorted({(each.channel, each.version) for each in pings.dimensions})
        places = {pair: place for place, pair in enumerate(self._pairs)}
        self._pair_of = [places[each.channel, each.version] for each in pings.dimensions]
        self._metrics: dict[str, dict[str, Any]] = {}
        self._overflows: list[str] = []

    def add(self, facts: "pa.Table") -> None:
        """Add the cells of *facts*."""
        try:
            cells = cells_of(facts, self._no_client)
        except SumTooLarge:
            self._add_one_by_one(facts)
            return
        self._add_cells(cells)

    def _add_cells(self, cells: "pa.Table") -> None:
        batch = CellBatch(cells)
        start = 0
        for each in one_array(cells.column("metric")).value_counts().to_pylist():
            self._add_metric(each["values"], batch, start, start + each["counts"])
            start += each["counts"]

    def _add_one_by_one(self, facts: "pa.Table") -> None:
        """Leave out the metrics of which a sum is too large."""
        import pyarrow.compute as pc

        names = one_array(facts.column("metric")).unique().to_pylist()
        for name in sorted(names):
            try:
                self._add_cells(
                    cells_of(facts.filter(pc.equal(facts.column("metric"), name)), self._no_client)
                )
            except SumTooLarge:
                self._overflows.append(name)

    def _add_metric(self, name: str, batch: "CellBatch", first: int, last: int) -> None:
        columns, values, dimensions = batch.block(first, last)
        self._file.add(name, columns, values)
        known = self._metrics.get(name, {"pairs": (), "processes": ()})
        pairs = {self._pair_of[number] for number in dimensions}
        processes = {word for _, word in values["process"] if word is not None}
        self._metrics[name] = {
            "pairs": sorted(pairs.union(known["pairs"])),
            "processes": sorted(processes.union(known["processes"])),
        }

    def finish(self) -> Made:
        """Write the index."""
        self._file.add(CLIENTS, [Column("ids", 1, b"".join(self._pings.client_ids.to_pylist()))], {})
        add_inner_blocks(self._file, self._pings.dimensions, self._pairs, self._metrics)
        index: Mapping[str, Any] = {"overflows": self._overflows, "as_of": self._pings.as_of}
        return Made(self._file.finish(index), self._overflows)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def add_inner_blocks(
    file: SummaryWriter,
    dimensions: Iterable[Dimensions],
    pairs: Iterable[tuple[str, str]],
    metrics: Mapping[str, Any],
) -> None:
    """Add the blocks that are read for several metrics; `pairs` are of channel and version."""
    listed = {"dimensions": [list(each) for each in dimensions], "pairs": [list(pair) for pair in pairs]}
    file.add(DIMENSIONS, [], listed)
    file.add(METRICS, [], metrics)


class CellBatch:
    """Cells as columns of bytes, of which each metric gets its part."""

    def __init__(self, cells: "pa.Table") -> None:
        import pyarrow.compute as pc

        self._words: dict[str, list[str | None]] = {}
        self._columns: list[Column] = []
        for name in WORDS[1:]:
            ranks, words = ranked(one_array(cells.column(name)))
            self._words[name] = [*words.to_pylist(), None]
            self._columns.append(column_of(name, ranks))
        for name in ("dimensions", *NUMBERS):
            self._columns.append(column_of(name, one_array(cells.column(name))))
        lists = {name: one_array(cells.column(name)) for name in LISTS}
        self._offsets = {name: pc.subtract(each.offsets, each.offsets[0]) for name, each in lists.items()}
        self._lists = [column_of(name, each.flatten()) for name, each in lists.items()]
        for name in ("starts", "clients"):  # there are as many counts as starts
            self._columns.append(column_of(f"{name}_length", pc.list_value_length(lists[name])))

    def block(self, first: int, last: int) -> tuple[list[Column], dict[str, Any], set[int]]:
        """Return the cells from *first* to *last*: columns, the words of their numbers, dimensions."""
        columns = [_slice(column, first, last) for column in self._columns]
        for column in self._lists:
            offsets = self._offsets[column.name]
            columns.append(_slice(column, offsets[first].as_py(), offsets[last].as_py()))
        used = {column.name: set(numbers_of(column)) for column in columns[: len(WORDS)]}
        values = {
            name: [[number, self._words[name][number]] for number in sorted(used[name])] for name in WORDS[1:]
        }
        return columns, values, used["dimensions"]


def _slice(column: Column, first: int, last: int) -> Column:
    return column._replace(data=column.data[first * column.width : last * column.width])


def column_of(name: str, numbers: "pa.Array") -> Column:
    """Return *numbers* in the smallest width that holds them all."""
    import pyarrow as pa
    import pyarrow.compute as pc

    least, most = pc.min_max(numbers).as_py().values()
    width = 1
    while width < 8 and not -(1 << (8 * width - 1)) <= (least or 0) <= (most or 0) < 1 << (8 * width - 1):
        width *= 2
    narrow = numbers.cast({1: pa.int8(), 2: pa.int16(), 4: pa.int32(), 8: pa.int64()}[width])
    data = narrow.buffers()[1]
    if data is None:
        return Column(name, width, b"")
    return Column(name, width, data.slice(narrow.offset * width, len(narrow) * width).to_pybytes())
