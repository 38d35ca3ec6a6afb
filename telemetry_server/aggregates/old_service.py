"""
The answers of Mozilla's former aggregates service, which its Measurement Dashboard reads.

That page puts texts into its HTML as they are, so texts of clients with markup are `OTHER` here, and
descriptions are escaped.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from html import escape
from typing import Any

from storage.aggregates.summary_file import DIMENSIONS, METRICS
from telemetry_server.aggregates.buckets import LABELED_COUNTER
from telemetry_server.aggregates.dimensions import OTHER, Dimensions
from telemetry_server.aggregates.group_row import OTHER_LABEL, GroupHistogram, histogram_of_sums
from telemetry_server.aggregates.query import PING, Selection, why_left_out
from telemetry_server.aggregates.reader import Reader
from telemetry_server.aggregates.shown_values import shown_metrics, shown_values
from telemetry_server.aggregates.stored_sums import DaySums, StoredSums, dimensions_of_day
from telemetry_server.aggregates.sums import Sums, total_of
from telemetry_server.aggregates.suppression import is_small
from telemetry_server.records.shapes import Shape

BUILD_ID, SUBMISSION_DATE = "build_id", "submission_date"
# The page puts all dates of a version into one address, which must not be too long.
MAX_DATES = {BUILD_ID: 330, SUBMISSION_DATE: 660}
UNSAFE = frozenset("<>&\"'")
PROCESSES = {"true": "content", "false": "parent"}
FILTERS = ("application", "architecture", "child", "label", "os", "osVersion")
# The page knows these kinds; any other is shown as exponential.
KINDS = ("flag", "boolean", "count", "enumerated", "linear", "exponential", "categorical")
KIND_OF = {**{kind: kind for kind in KINDS}, LABELED_COUNTER.kind: "categorical"}
FLAG = "flag"
FLAG_BUCKETS = 2


def safe(text: str) -> str:
    """Return *text*, or `OTHER` if a page could take it as markup."""
    return text if text.isprintable() and not UNSAFE & set(text) else OTHER


@dataclass(frozen=True, slots=True)
class OldQuery:
    """One request for histograms."""

    by: str  # `BUILD_ID` or `SUBMISSION_DATE`
    channel: str
    version: str
    dates: frozenset[str]
    metric: str
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def group_of(self, dimensions: Dimensions, day: str) -> str | None:
        """Return the date of pings with *dimensions*; None for those that are not asked for."""
        date = dimensions.build_date if self.by == BUILD_ID else day
        if date not in self.dates or self.channel != safe(dimensions.channel):
            return None
        if self.version != dimensions.version:
            return None
        os_name, os_version = safe(dimensions.os), safe(dimensions.os_version)
        values = {
            "application": (safe(dimensions.application),),
            "architecture": (safe(dimensions.architecture),),
            "os": (os_name, f"{os_name},{os_version}"),
            "osVersion": (os_version,),
        }
        wanted = all(set(values[name]) & set(asked) for name, asked in self.filters.items() if name in values)
        return date if wanted else None


class OldService:
    """
    Answers for the dashboard.

    Args:
        hidden: Patterns of metrics that are left out.
    """

    def __init__(self, reader: Reader, hidden: Sequence[str] = ()) -> None:
        self._reader = reader
        self._hidden = hidden

    def channels(self) -> list[str]:
        """Return the channels that have dates."""
        return sorted({channel for channel, version, _ in self._groups() if version.isdigit()})

    def dates(self, by: str, channel: str) -> list[dict[str, str]] | None:
        """Return dates and versions of *channel*, the newest first; None for an unknown channel."""
        found = {
            (dates[by], version)
            for of_channel, version, dates in self._groups()
            if of_channel == channel and version.isdigit()
        }
        if not found:
            return None
        found -= self._small_dates(by, channel)
        listed: dict[str, int] = defaultdict(int)
        answer = []
        for date, version in sorted(found, key=lambda each: (each[0], int(each[1])), reverse=True):
            listed[version] += 1
            if date and listed[version] <= MAX_DATES[by]:
                answer.append({"version": version, "date": date})
        return answer

    def _small_dates(self, by: str, channel: str) -> set[tuple[str, str]]:
        """Return dates and versions of *channel* with pings of too few clients for any histogram."""
        if self._reader.suppress_below <= 1:
            return set()

        def group_of(dimensions: Dimensions, day: str) -> str | None:
            date = dimensions.build_date if by == BUILD_ID else day
            return f"{date} {dimensions.version}" if safe(dimensions.channel) == channel else None

        groups: dict[str, Sums] = defaultdict(Sums)
        for (group, _, _), sums in (
            StoredSums(PING, Selection(), group_of).of_days(self._reader.days).sums.items()
        ):
            groups[group].add(sums)
        small = [group for group, sums in groups.items() if is_small(sums, self._reader.suppress_below)]
        return {(date, version) for date, _, version in (group.partition(" ") for group in small)}

    def _groups(self) -> Iterator[tuple[str, str, dict[str, str]]]:
        """Yield channel, version and dates of the dimensions that have measurements."""
        for day, own in self._measured():
            for each in own:
                dates = {BUILD_ID: each.build_date, SUBMISSION_DATE: day}
                yield safe(each.channel), each.version, dates

    def _measured(self) -> Iterator[tuple[str, list[Dimensions]]]:
        for day in self._reader.days:
            for _, own in _with_measurements(day):
                yield day.table.day, [each for each in own if why_left_out(each, day.table.day) is None]

    def filters(self, channel: str, version: str) -> dict[str, list[str]] | None:
        """Return the values that requests for a version may filter by; None if it has no data."""
        metrics: set[str] = set()
        children: set[str] = set()
        values: dict[str, set[str]] = defaultdict(set)
        for day in self._reader.days:
            for place, own in _with_measurements(day):
                wanted = [
                    each
                    for each in own
                    if safe(each.channel) == channel
                    and each.version == version
                    and why_left_out(each, day.table.day) is None
                ]
                if wanted:
                    self._add_metrics(day, place, channel, version, (metrics, children))
                for each in wanted:
                    values["application"].add(safe(each.application))
                    values["architecture"].add(safe(each.architecture))
                    values["os"].add(f"{safe(each.os)},{safe(each.os_version)}")
        if not metrics:
            return None

        def shown(name: str, value_of: Callable[[Dimensions], str]) -> list[str]:
            def wanted(each: Dimensions) -> str | None:
                return value_of(each) if (safe(each.channel), each.version) == (channel, version) else None

            return sorted(shown_values(self._reader, values[name], wanted))

        return {
            "metric": sorted(shown_metrics(self._reader, metrics)),
            "application": shown("application", lambda each: safe(each.application)),
            "architecture": shown("architecture", lambda each: safe(each.architecture)),
            "os": shown("os", lambda each: f"{safe(each.os)},{safe(each.os_version)}"),
            "child": sorted(children, key=lambda name: (name != "parent", name != "content", name)),
        }

    def _add_metrics(
        self, day: DaySums, place: int, channel: str, version: str, to: tuple[set[str], set[str]]
    ) -> None:
        summary = day.summaries[place]
        pairs = {
            number
            for number, (of_channel, of_version) in enumerate(summary.values(DIMENSIONS)["pairs"])
            if safe(of_channel) == channel and of_version == version
        }
        for name, metric in summary.values(METRICS).items():
            if pairs.intersection(metric["pairs"]) and self._is_shown(name):
                to[0].add(name)
                to[1].update(safe(process) for process in metric["processes"] if process)

    def _is_shown(self, metric: str) -> bool:
        is_hidden = any(fnmatchcase(metric, pattern) for pattern in self._hidden)
        return metric != PING and metric == safe(metric) and not is_hidden

    def histograms(self, query: OldQuery) -> dict[str, Any] | None:
        """Return the histograms of *query*; None if there is nothing."""
        if not self._is_shown(query.metric):
            return None
        processes = {PROCESSES.get(name, name) for name in query.filters.get("child", ())}
        selection = Selection(processes=frozenset(processes), by_label=True)
        found = StoredSums(query.metric, selection, query.group_of).of_days(self._reader.days)
        labels = set(query.filters.get("label", ()))
        by_shape: dict[str, list[tuple[str, str, Sums]]] = defaultdict(list)
        for (date, label, shape), sums in found.sums.items():
            is_wanted = not labels or safe(label) in labels
            if sums.instances and is_wanted and shape in self._reader.shapes:
                # A labeled counter is one histogram, whose buckets are its labels.
                is_one = self._reader.shapes[shape] == LABELED_COUNTER
                by_shape[shape].append((date, "" if is_one else safe(label), sums))
        if not by_shape:
            return None
        newest = max(by_shape, key=lambda each: (max(sums.newest for _, _, sums in by_shape[each]), each))
        answer = self._answer(query.metric, newest, by_shape[newest])
        if answer is None:
            return None
        totals = {
            shape: total_of(sums for _, _, sums in entries)
            for shape, entries in sorted(by_shape.items())
            if shape != newest
        }
        others = [
            {"shape": shape, "samples": sums.samples}
            for shape, sums in totals.items()
            if not is_small(sums, self._reader.suppress_below)
        ]
        return {**answer, "other_shapes": others}

    def _answer(
        self, metric: str, shape_id: str, entries: Sequence[tuple[str, str, Sums]]
    ) -> dict[str, Any] | None:
        shape = self._reader.shapes[shape_id]
        merged = _by_date_and_label(entries)
        shown = {key: sums for key, sums in merged.items() if not is_small(sums, self._reader.suppress_below)}
        if not shown:
            return None
        defined = self._reader.glean_buckets(metric, shape_id)
        histograms = {key: histogram_of_sums(shape, sums, defined) for key, sums in shown.items()}
        buckets = _buckets(shape, histograms.values())
        return {
            "buckets": buckets,
            "kind": KIND_OF.get(shape.kind, "linear" if defined.is_linear else "exponential"),
            "description": escape(self._reader.definitions.description_of(metric), quote=False),
            "data": [
                {
                    "date": date,
                    "label": label,
                    "histogram": _counts(histograms[date, label], buckets),
                    "count": sums.instances,
                    "sum": sums.sum,
                }
                for (date, label), sums in sorted(shown.items())
            ],
        }


def _with_measurements(day: DaySums) -> Iterator[tuple[int, tuple[Dimensions, ...]]]:
    """Yield place and dimensions of the summaries of *day* that have metrics."""
    for place, own in enumerate(dimensions_of_day(day)):
        if any(name != PING for name in day.summaries[place].metrics):
            yield place, own


def _by_date_and_label(entries: Iterable[tuple[str, str, Sums]]) -> dict[tuple[str, str], Sums]:
    """Return the sums by date and label; several labels may be shown as one."""
    found: dict[tuple[str, str], Sums] = {}
    for date, label, sums in entries:
        if (date, label) in found:
            found[date, label].add(sums)
        else:
            found[date, label] = sums.copy()
    return found


def _buckets(shape: Shape, histograms: Iterable[GroupHistogram]) -> list[int] | list[str]:
    shown = list(histograms)
    if shown[0].histogram.labels:
        labels = dict.fromkeys(safe(label) for each in shown for label in each.histogram.labels)
        return sorted(labels, key=lambda label: label == OTHER_LABEL)
    if shape.kind == FLAG:
        return list(shape.starts[:FLAG_BUCKETS])
    return sorted({start for each in shown for start in each.histogram.starts})


def _counts(found: GroupHistogram, buckets: Sequence[int | str]) -> list[int]:
    """Return the counts of a histogram in *buckets*."""
    histogram = found.histogram
    names: Sequence[int | str] = [safe(label) for label in histogram.labels] or histogram.starts
    counts: dict[int | str, int] = defaultdict(int)
    for name, count in zip(names, histogram.counts, strict=True):
        counts[name] += count
    return [counts[bucket] for bucket in buckets]
