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
)
from storage.disk import Disk
from storage.tables.columns import HISTOGRAMS, PING_KEY, PINGS, ROW_GROUP_ROWS, SCALARS
from storage.tables.reading import PartReader, PartSource
from telemetry_server.aggregates.cell_columns import CellBatch, bytes_of_ids
from telemetry_server.aggregates.cells import cells_of
from telemetry_server.aggregates.checked_sums import SumTooLarge
from telemetry_server.aggregates.columns import one_array, parted, whole_number
from telemetry_server.aggregates.counted_rows import counted_batches, counted_of_metric
from telemetry_server.aggregates.day_pings import DayPings
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
# Rows that are summed up at once.  PyArrow's calls cost nearly as much for fewer, and a whole metric may have
# more than these anyway.
BATCH_ROWS = 2 * ROW_GROUP_ROWS
# A metric with more rows is summed up in several passes, each over a part of its pings.
MAX_METRIC_ROWS = 131_072
BATCHES_AT_ONCE = 16
FACTS: "Mapping[str, tuple[Sequence[str], Callable[[pa.Table, Pings], pa.Table | None]]]" = {
    HISTOGRAMS: (HISTOGRAM_COLUMNS, facts_of_histograms),
    SCALARS: (SCALAR_COLUMNS, facts_of_scalars),
}


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
    """Return the distinct keys of the pings of *part*, most of which have many rows."""
    import pyarrow as pa

    held: list[pa.Array] = []
    for rows in part.batches((PING_KEY,), BATCH_ROWS):
        held.append(one_array(rows.column(PING_KEY)).unique())
        if len(held) == BATCHES_AT_ONCE:
            held = [pa.concat_arrays(held).unique()]
    return pa.concat_arrays(held).unique()


def _facts_of(table: str, part: PartReader, pings: Pings) -> "Iterator[pa.Table]":
    """Yield facts of whole metrics; of a metric with very many rows, of some of its pings."""
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
    """Yield the facts of *metric* of one of several parts of the pings: all of a ping are in one of them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    held = []
    for rows in counted_of_metric(part, metric, columns):
        _, rest = parted(one_array(rows.column(PING_KEY)).cast(pa.int64()), which[1])
        facts = facts_of(rows.filter(pc.equal(rest, whole_number(which[0]))))
        if facts is not None and facts.num_rows:
            held.append(facts)
    if held:
        yield pa.concat_tables(held).unify_dictionaries()


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
        self._file.add(CLIENTS, [Column("ids", 1, bytes_of_ids(self._pings.client_ids))], {})
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
