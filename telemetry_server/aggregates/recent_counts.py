"""Samples and clients of many metrics over a few days, for a list of probes."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from storage.aggregates.summary_file import CLIENTS, Summary
from telemetry_server.aggregates.complete_hiding import hidden_values
from telemetry_server.aggregates.query import why_left_out
from telemetry_server.aggregates.reader import Reader
from telemetry_server.aggregates.stored_sums import DaySums, dimensions_of_day
from telemetry_server.aggregates.sums import ID_BYTES

MAX_REMEMBERED = 50_000  # metrics of summaries
DAYS = 7


@dataclass(frozen=True, slots=True)
class RecentCounts:
    """What one metric had in some days of arrival."""

    samples: int
    by_day: Sequence[int | None]  # samples, the oldest day first; None where too few clients sent some
    clients: int


NONE = RecentCounts(0, (), 0)
_Counted = tuple[int, "array[int]"]


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
    parts = [
        (place, summary, part.digest, dimensions)
        for place, day in enumerate(days)
        for summary, part, dimensions in zip(
            day.summaries, day.table.parts, dimensions_of_day(day), strict=True
        )
    ]
    wanted = {
        number: frozenset(
            each
            for each, own in enumerate(dimensions)
            if why_left_out(own, days[place].table.day) is not None
        )
        for number, (place, _, _, dimensions) in enumerate(parts)
    }
    found = {}
    for metric in metrics:
        by_day = [0] * len(days)
        clients: dict[str, set[bytes]] = {}
        for number, (place, summary, digest, _) in enumerate(parts):
            if metric not in summary.index["blocks"]:
                continue
            samples, numbers = _counted(_Keyed(summary, digest), metric, wanted[number])
            by_day[place] += samples
            ids = _ids(_Keyed(summary, digest))
            own = clients.setdefault(days[place].table.day, set())
            own.update(ids[ID_BYTES * each : ID_BYTES * (each + 1)] for each in numbers)
        distinct = len(set().union(*clients.values()))
        if reader.suppress_below <= 1 or distinct >= reader.suppress_below:
            # The days add up to the samples beside them.
            few = hidden_values(clients, reader.suppress_below)
            shown = [None if day.table.day in few else count for day, count in zip(days, by_day, strict=True)]
            found[metric] = RecentCounts(sum(by_day), shown, distinct)
    return found


class _Keyed:
    """A summary as a key of a cache: its digest says what is in it."""

    def __init__(self, summary: Summary, digest: str) -> None:
        self.summary = summary
        self.digest = digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Keyed) and self.digest == other.digest


@lru_cache(maxsize=64)
def _ids(keyed: _Keyed) -> bytes:
    return keyed.summary.blocks(CLIENTS)[0].columns["ids"].tobytes()


@lru_cache(maxsize=MAX_REMEMBERED)
def _counted(keyed: _Keyed, metric: str, left_out: frozenset[int]) -> _Counted:
    """Return the samples of *metric* in one summary, and the numbers of its clients."""
    samples = 0
    clients: set[int] = set()
    for block in keyed.summary.blocks(metric):
        columns, values = block.columns, block.values
        unions = {
            name: {number for number, word in values[name] if word is None} for name in ("process", "label")
        }
        end = client_end = 0
        rows = zip(
            *(columns[name] for name in ("dimensions", "process", "label")),
            *(columns[name] for name in ("starts_length", "clients_length")),
            strict=True,
        )
        for number, process, label, length, client_length in rows:
            start, client_start = end, client_end
            end, client_end = end + length, client_end + client_length
            if number in left_out or process in unions["process"] or label in unions["label"]:
                continue
            samples += sum(columns["counts"][start:end])
            clients.update(columns["clients"][client_start:client_end])
    return samples, array("i", sorted(clients))
