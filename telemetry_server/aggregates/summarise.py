"""Makes the summary of one table file: a function of its rows and of their pings."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.aggregates.summary_file import CLIENTS, Column, SummaryWriter
from storage.disk import Disk
from storage.tables.columns import HISTOGRAMS, PING_KEY, PINGS, SCALARS
from storage.tables.reading import PartReader
from telemetry_server.aggregates.cells import NUMBERS, WORDS, cells_of
from telemetry_server.aggregates.checked_sums import SumTooLarge
from telemetry_server.aggregates.columns import one_array, ranked
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
BATCH_ROWS = 131_072
# A metric with more rows is summed up in several passes, each over a part of its dimensions.
MAX_METRIC_ROWS = 524_288
LISTS = ("starts", "counts", "clients")


@dataclass(slots=True)
class Made:
    """A summary file that was written."""

    digest: str
    overflows: list[str]  # metrics that are left out, because a sum is past 64 bits


def summarise(table: str, source: Path | str, pings: Pings, disk: Disk, target: Path) -> Made:
    """
    Write the summary of the file *source* of *table* to *target*, which must not exist.

    Raises:
        OSError, pyarrow.ArrowInvalid: *source* cannot be read, or the disk refuses.
    """
    with PartReader(table, source) as part:
        # Numbers of clients and dimensions must not depend on the other pings of the day.
        own = pings.only(_ping_keys(part))
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
    elif table == SCALARS:
        found = (facts_of_scalars(rows, pings) for rows in part.batches(SCALAR_COLUMNS, BATCH_ROWS))
        yield from whole_metrics(facts for facts in found if facts is not None)
    else:
        batches = part.batches(HISTOGRAM_COLUMNS, BATCH_ROWS)
        yield from whole_metrics(facts_of_histograms(rows, pings) for rows in batches)


def whole_metrics(batches: "Iterable[pa.Table]") -> "Iterator[pa.Table]":
    """Yield the rows of *batches*, which are sorted by metric, so that no metric is in two of the results."""
    import pyarrow as pa
    import pyarrow.compute as pc

    held: list[pa.Table] = []
    for batch in batches:
        metrics = one_array(batch.column("metric"))
        ranks, words = ranked(metrics)
        is_last = pc.equal(ranks, len(words) - 1)
        if len(words) > 1:
            held.append(batch.filter(pc.invert(is_last)))
            yield pa.concat_tables(held).unify_dictionaries()
            held = [batch.filter(is_last)]
        else:
            held.append(batch)
    if held:
        yield pa.concat_tables(held).unify_dictionaries()


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
        start = 0
        metrics = one_array(cells.column("metric")).value_counts()
        for each in metrics.to_pylist():
            self._add_metric(each["values"], cells.slice(start, each["counts"]))
            start += each["counts"]

    def _add_one_by_one(self, facts: "pa.Table") -> None:
        """Leave out the metrics of which a sum is too large."""
        import pyarrow.compute as pc

        names = one_array(facts.column("metric")).unique().to_pylist()
        for name in sorted(names):
            try:
                self._add_metric(
                    name, cells_of(facts.filter(pc.equal(facts.column("metric"), name)), self._no_client)
                )
            except SumTooLarge:
                self._overflows.append(name)

    def _add_metric(self, name: str, cells: "pa.Table") -> None:
        columns, values = block_of(cells)
        self._file.add(name, columns, values)
        pairs = {self._pair_of[number] for number in cells.column("dimensions").unique().to_pylist()}
        self._metrics[name] = {"pairs": sorted(pairs), "processes": values["process"]}

    def finish(self) -> Made:
        """Write the index."""
        self._file.add(CLIENTS, [Column("ids", 1, b"".join(self._pings.client_ids.to_pylist()))], {})
        index: Mapping[str, Any] = {
            "dimensions": [list(each) for each in self._pings.dimensions],
            "pairs": [list(pair) for pair in self._pairs],
            "metrics": self._metrics,
            "overflows": self._overflows,
            "as_of": self._pings.as_of,
        }
        return Made(self._file.finish(index), self._overflows)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def block_of(cells: "pa.Table") -> tuple[list[Column], dict[str, Any]]:
    """Return the columns of *cells* for a summary file, and the texts that their numbers stand for."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns, values = [], {}
    for name in WORDS[1:]:
        ranks, words = ranked(one_array(cells.column(name)))
        columns.append(_column(name, ranks))
        values[name] = words.to_pylist()
    for name in ("dimensions", *NUMBERS):
        columns.append(_column(name, one_array(cells.column(name))))
    for name in LISTS:
        lists = one_array(cells.column(name))
        if name != "counts":  # there are as many counts as starts
            columns.append(_column(f"{name}_length", pc.list_value_length(lists)))
        columns.append(_column(name, lists.flatten().cast(pa.int64())))
    return columns, values


def _column(name: str, numbers: "pa.Array") -> Column:
    """Return *numbers* in the smallest width that holds them all."""
    import pyarrow as pa
    import pyarrow.compute as pc

    least, most = pc.min_max(numbers).as_py().values()
    width = 1
    while width < 8 and not -(1 << (8 * width - 1)) <= (least or 0) <= (most or 0) < 1 << (8 * width - 1):
        width *= 2
    narrow = numbers.cast({1: pa.int8(), 2: pa.int16(), 4: pa.int32(), 8: pa.int64()}[width])
    data = narrow.buffers()[1]
    start = narrow.offset * width
    return Column(
        name, width, b"" if data is None else data.to_pybytes()[start : start + len(narrow) * width]
    )
