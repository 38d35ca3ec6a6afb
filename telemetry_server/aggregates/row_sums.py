"""Answers from the rows of the tables: weights by client, and branches of experiments."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from storage.tables.columns import HISTOGRAMS, PING_KEY, PINGS, SCALARS
from storage.tables.reading import PartReader, PartSource
from telemetry_server.aggregates.buckets import LABELED_COUNTER
from telemetry_server.aggregates.columns import one_array
from telemetry_server.aggregates.counted_rows import counted_batches, counted_of_metric
from telemetry_server.aggregates.day_pings import BATCH_ROWS
from telemetry_server.aggregates.facts import (
    HISTOGRAM_COLUMNS,
    SCALAR_COLUMNS,
    Pings,
    facts_of_histograms,
    facts_of_pings,
    facts_of_scalars,
    measure_of,
)
from telemetry_server.aggregates.query import PING, GroupOf, Selection, why_left_out
from telemetry_server.aggregates.sums import Found, SumKey
from telemetry_server.records.shapes import shape_id

if TYPE_CHECKING:
    import pyarrow as pa

EXPERIMENTS = "experiments"
ROWS_AT_ONCE = 4096  # that are Python objects at the same time
LABELED_SHAPE = shape_id(LABELED_COUNTER)


@dataclass(frozen=True, slots=True)
class DayFiles:
    """Open table files of one day, by table."""

    day: str
    paths: Mapping[str, Sequence[PartSource]]


@dataclass(slots=True)
class RowSums:
    """Adds up rows of the tables, of one metric."""

    metric: str
    selection: Selection
    group_of: GroupOf
    experiment: str = ""  # groups are its branches, within those of `group_of`

    def of_days(self, days: Iterable[DayFiles]) -> Found:
        """
        Return the sums over *days*.

        Raises:
            SumTooLarge: One does not fit into 64 bits.
            OSError, pyarrow.ArrowInvalid: A file cannot be read.
        """
        found = Found(has_rows=True)
        for day in days:
            self._add_day(found, day)
        for sums in found.sums.values():
            sums.check(self.metric)
        return found

    def _add_day(self, found: Found, day: DayFiles) -> None:
        import pyarrow as pa

        columns = [*Pings.PING_COLUMNS, *([EXPERIMENTS] if self.experiment else [])]
        read = list(_batches(PINGS, day.paths.get(PINGS, ()), columns))
        if not read:
            return
        rows = pa.concat_tables(read, promote_options="default").unify_dictionaries()
        pings = Pings([rows])
        branches = _branches(rows, self.experiment) if self.experiment else None
        groups = [
            self.group_of(each, day.day) if self.selection.wants(each) else None for each in pings.dimensions
        ]
        reasons = [why_left_out(each, day.day) for each in pings.dimensions]
        day_rows = _DayRows(self, found, pings, branches, groups, reasons, day.day)
        for facts in self.facts_of_day(day, pings):
            found.is_seen = True
            day_rows.add(facts)

    def facts_of_day(self, day: DayFiles, pings: Pings) -> "Iterator[pa.Table]":
        """Yield the facts of the metric, in parts."""
        if self.metric == PING:
            yield from (
                facts_of_pings(rows, pings) for rows in _batches(PINGS, day.paths.get(PINGS, ()), [PING_KEY])
            )
            return
        for path in day.paths.get(HISTOGRAMS, ()):
            with PartReader(HISTOGRAMS, path) as part:
                for rows in counted_of_metric(part, self.metric, HISTOGRAM_COLUMNS):
                    yield facts_of_histograms(rows, pings)
        for path in day.paths.get(SCALARS, ()):
            with PartReader(SCALARS, path) as part:
                for rows in _scalars_of(part, self.metric):
                    facts = facts_of_scalars(rows, pings)
                    if facts is not None:
                        yield facts


def _scalars_of(part: PartReader, measure: str) -> "Iterator[pa.Table]":
    """Yield the rows of *part* that are summed up as *measure*."""
    import pyarrow.compute as pc

    for rows in counted_batches(part, SCALAR_COLUMNS, BATCH_ROWS):
        names = one_array(rows.column("metric")).unique().to_pylist()
        kinds = one_array(rows.column("kind")).unique().to_pylist()
        wanted = [
            (name, kind)
            for name in names
            for kind in kinds
            if (found := measure_of(name, kind)) is not None and found[0] == measure
        ]
        for name, kind in wanted:
            is_wanted = pc.and_(pc.equal(rows.column("metric"), name), pc.equal(rows.column("kind"), kind))
            found_rows = rows.filter(is_wanted)
            if found_rows.num_rows:
                yield found_rows


def _batches(table: str, paths: Iterable[PartSource], columns: Sequence[str]) -> "Iterator[pa.Table]":
    for path in paths:
        with PartReader(table, path) as part:
            yield from part.batches(columns, BATCH_ROWS)


def _branches(rows: "pa.Table", experiment: str) -> list[str | None]:
    """Return the branch of each ping; None for one that is not in *experiment*."""
    return [dict(pairs or ()).get(experiment) for pairs in rows.column(EXPERIMENTS).to_pylist()]


class _Fact(NamedTuple):
    dimensions: int
    process: str
    label: str
    shape: str
    ping: int
    client: int
    sum: int | None
    starts: list[int]
    counts: list[int]


@dataclass(slots=True)
class _DayRows:
    """Adds the facts of one day to what was found."""

    asked: RowSums
    found: Found
    pings: Pings
    branches: list[str | None] | None
    groups: list[str | None]
    reasons: list[str | None]
    day: str
    seen: dict[SumKey | str, set[int]] = field(default_factory=lambda: defaultdict(set))  # pings
    starts: dict[int, int] = field(default_factory=dict)  # equal starts of all clients share one object

    def add(self, facts: "pa.Table") -> None:
        """Add *facts*, of one metric."""
        for first in range(0, facts.num_rows, ROWS_AT_ONCE):
            some = facts.slice(first, ROWS_AT_ONCE)
            for values in zip(*(some.column(name).to_pylist() for name in _Fact._fields), strict=True):
                self._add(_Fact(*values))

    def _add(self, fact: "_Fact") -> None:
        selection = self.asked.selection
        group = self.groups[fact.dimensions]
        if group is None or not selection.wants_cell(fact.process, fact.label):
            return
        if self.branches is not None:
            branch = self.branches[fact.ping]
            if branch is None:
                return
            group = branch
        key: SumKey = group, fact.label if selection.by_label else "", fact.shape
        reason = self.reasons[fact.dimensions]
        if reason is not None:
            self.found.left_out[reason] += self._is_new(f"{reason} {key}", fact.ping)
            return
        to = self.found.sums[key]
        to.pings += self._is_new(key, fact.ping)
        to.instances += 1
        to.newest = max(to.newest, (self.pings.dimensions[fact.dimensions].build_date, self.day))
        self._add_values(key, fact)

    def _add_values(self, key: SumKey, fact: "_Fact") -> None:
        to, samples = self.found.sums[key], sum(fact.counts)
        for start, count in zip(fact.starts, fact.counts, strict=True):
            to.counts[start] += count
        to.by_label[fact.label] += samples
        if fact.sum is None:
            to.sum_unknown += 1
        else:
            to.sum += fact.sum
            to.sum_samples += samples
        if fact.client == len(self.pings.client_ids):
            to.without_client += 1
        elif samples:
            self._add_client(key, fact, samples)

    def _add_client(self, key: SumKey, fact: "_Fact", samples: int) -> None:
        client_id = self.pings.client_ids[fact.client].as_py()
        self.found.sums[key].clients.add(client_id)
        own = self.found.by_client[key].setdefault(client_id, {})
        for start, count in zip(fact.starts, fact.counts, strict=True):
            start = self.starts.setdefault(start, start)  # noqa: PLW2901 - the same number
            own[start] = own.get(start, 0) + count
        if fact.shape == LABELED_SHAPE:
            labels = self.found.client_labels[key].setdefault(client_id, {})
            labels[fact.label] = labels.get(fact.label, 0) + samples
        if fact.sum is not None:
            before = self.found.client_sums[key].get(client_id, (0, 0))
            self.found.client_sums[key][client_id] = before[0] + fact.sum, before[1] + samples

    def _is_new(self, key: SumKey | str, ping: int) -> bool:
        pings = self.seen[key]
        before = len(pings)
        pings.add(ping)
        return len(pings) > before


def day_files_of(
    paths: Callable[[str], Iterable[tuple[str, PartSource]]], first: str = "", last: str = ""
) -> list[DayFiles]:
    """
    Return the open files of days from *first* to *last*, all if empty.

    Args:
        paths: Returns day and path of each open file of a table.
    """
    days: dict[str, dict[str, list[PartSource]]] = defaultdict(lambda: defaultdict(list))
    for table in (PINGS, HISTOGRAMS, SCALARS):
        for day, path in paths(table):
            if (not first or day >= first) and (not last or day <= last):
                days[day][table].append(path)
    return [DayFiles(day, days[day]) for day in sorted(days)]
