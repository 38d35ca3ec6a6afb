"""Samples and clients of many metrics over a few days, for a list of probes."""

from array import array
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from storage.aggregates.summary_file import CLIENTS, Summary
from telemetry_server.aggregates.complete_hiding import hidden_values
from telemetry_server.aggregates.dimensions import Dimensions
from telemetry_server.aggregates.query import why_left_out
from telemetry_server.aggregates.reader import Reader
from telemetry_server.aggregates.stored_sums import DaySums, dimensions_of_day
from telemetry_server.aggregates.summary_sums import DISTINCT_CLIENTS
from telemetry_server.aggregates.sums import ID_BYTES

MAX_REMEMBERED = 4096  # metrics of summaries
MAX_SPANS = 2
DAYS = 7


@dataclass(frozen=True, slots=True)
class RecentCounts:
    """What one metric had in some days of arrival."""

    samples: int
    by_day: Sequence[int | None]  # samples, the oldest day first; None where too few clients sent some
    clients_at_least: int
    is_exact: bool = True  # no day is sealed: the clients are as many

    @property
    def clients(self) -> int | None:
        """The distinct clients; None where sealed days hide how many these are."""
        return self.clients_at_least if self.is_exact else None


NONE = RecentCounts(0, (), 0)
_Counted = tuple[int, "array[int]", int]
"""Samples, the numbers of clients, and the least number of clients of a sealed day."""


def recent_days(reader: Reader, first: str, last: str) -> list[DaySums]:
    """Return the days from *first* to *last*; without *first* at most the `DAYS` newest."""
    days = [
        day
        for day in reader.days
        if (not first or day.table.day >= first) and (not last or day.table.day <= last)
    ]
    return days if first else days[-DAYS:]


def metrics_seen(days: Iterable[DaySums]) -> set[str]:
    """Return the names of the metrics that *days* have."""
    return {metric for day in days for summary in day.summaries for metric in summary.metrics if metric}


def recent_counts(
    reader: Reader, days: Sequence[DaySums], metrics: Iterable[str]
) -> Mapping[str, RecentCounts]:
    """
    Return the counts of *metrics*; one of fewer clients than may be shown is left out.

    Raises:
        BrokenAggregate, OSError: The aggregates cannot be read.
    """
    span = _span_of(days)
    counted = {metric: span.counts_of(metric) for metric in metrics}
    if reader.suppress_below <= 1:
        return counted
    return {
        metric: span.with_days_hidden(metric, counts, reader.suppress_below)
        for metric, counts in counted.items()
        if counts.clients_at_least >= reader.suppress_below
    }


class _Part:
    """One summary of a span of days."""

    def __init__(
        self, place: int, day: str, summary: Summary, digest: str, own: Iterable[Dimensions]
    ) -> None:
        self.place = place
        self.day = day
        self.summary = summary
        self.digest = digest
        self.left_out = frozenset(
            number for number, each in enumerate(own) if why_left_out(each, day) is not None
        )
        self.clients: list[int] = []  # for each client of the summary its number in the span

    def counted(self, metric: str) -> _Counted:
        """Return what the summary has of *metric*; it is remembered for other spans."""
        key = self.digest, metric
        found = _counted_before.get(key)
        if found is None:
            found = _counted_before[key] = _counted(self.summary, metric, self.left_out)
            if len(_counted_before) > MAX_REMEMBERED:
                _counted_before.popitem(last=False)
        return found


_counted_before: OrderedDict[tuple[str, str], _Counted] = OrderedDict()


class _Span:
    """Some days of summaries, and the counts of metrics that were asked for."""

    def __init__(self, days: Sequence[DaySums]) -> None:
        self._days = len(days)
        self._known: dict[str, RecentCounts] = {}
        self._parts = [
            _Part(place, day.table.day, summary, part.digest, own)
            for place, day in enumerate(days)
            for summary, part, own in zip(day.summaries, day.table.parts, dimensions_of_day(day), strict=True)
        ]
        numbers: dict[bytes, int] = {}
        for each in self._parts:
            ids = each.summary.blocks(CLIENTS)[0].columns["ids"].tobytes()
            each.clients = [
                numbers.setdefault(ids[at : at + ID_BYTES], len(numbers))
                for at in range(0, len(ids), ID_BYTES)
            ]

    def counts_of(self, metric: str) -> RecentCounts:
        """Return the counts of *metric*."""
        if metric not in self._known:
            self._known[metric] = self._counts_of(metric)
        return self._known[metric]

    def with_days_hidden(self, metric: str, counts: RecentCounts, suppress_below: int) -> RecentCounts:
        """Return *counts* without the days that have too few clients, beside the sum of all days."""
        clients: dict[str, set[int]] = {}
        enough_sealed: set[str] = set()
        for part in self._parts:
            if metric in part.summary.index["blocks"]:
                _, numbers, sealed = part.counted(metric)
                clients.setdefault(part.day, set()).update(map(part.clients.__getitem__, numbers))
                if sealed >= suppress_below:
                    enough_sealed.add(part.day)
        # Who sent on a sealed day is not known, only how many.
        known = {day: own for day, own in clients.items() if day not in enough_sealed}
        hidden = hidden_values(known, suppress_below)
        places = {part.place for part in self._parts if part.day in hidden}
        shown = [None if place in places else samples for place, samples in enumerate(counts.by_day)]
        return replace(counts, by_day=shown)

    def _counts_of(self, metric: str) -> RecentCounts:
        by_day, of_sealed = [0] * self._days, 0
        clients: set[int] = set()
        for part in self._parts:
            if metric not in part.summary.index["blocks"]:
                continue
            samples, numbers, sealed = part.counted(metric)
            by_day[part.place] += samples
            of_sealed = max(of_sealed, sealed)
            clients.update(map(part.clients.__getitem__, numbers))
        return RecentCounts(sum(by_day), by_day, max(len(clients), of_sealed), is_exact=not of_sealed)


_spans: OrderedDict[tuple[tuple[str, str], ...], _Span] = OrderedDict()


def _span_of(days: Sequence[DaySums]) -> _Span:
    """Return the span of *days*; those that were asked for last are remembered."""
    key = tuple((day.table.day, part.digest) for day in days for part in day.table.parts)
    found = _spans.get(key)
    if found is None:
        found = _spans[key] = _Span(days)
        if len(_spans) > MAX_SPANS:
            _spans.popitem(last=False)
    _spans.move_to_end(key)
    return found


def _counted(summary: Summary, metric: str, left_out: frozenset[int]) -> _Counted:
    """Return what one summary has of *metric*, without the dimensions in *left_out*."""
    samples = of_sealed = 0
    clients: set[int] = set()
    for block in summary.blocks(metric):
        columns = block.columns
        distinct = columns.get(DISTINCT_CLIENTS, ())
        # A union of processes or labels has no samples and no clients of its own.
        if left_out.isdisjoint(columns["dimensions"]):
            samples += sum(columns["counts"])
            clients.update(columns["clients"])
            of_sealed = max(of_sealed, *distinct, 0)
            continue
        end = client_end = 0
        lengths = zip(columns["starts_length"], columns["clients_length"], strict=True)
        for place, (number, (length, client_length)) in enumerate(
            zip(columns["dimensions"], lengths, strict=True)
        ):
            start, client_start = end, client_end
            end, client_end = end + length, client_end + client_length
            if number in left_out:
                continue
            samples += sum(columns["counts"][start:end])
            clients.update(columns["clients"][client_start:client_end])
            of_sealed = max(of_sealed, distinct[place] if distinct else 0)
    return samples, array("i", sorted(clients)), of_sealed
