"""The answer of ``/api/v1/histogram`` and of the command ``histogram``."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from telemetry_server.aggregates.formulas import wilson_interval
from telemetry_server.aggregates.group_row import (
    BOOLEAN,
    SHOWN_KINDS,
    GroupHistogram,
    client_counts,
    histogram_of_sums,
    mean_interval,
    merged,
    row_of,
    weights_of,
)
from telemetry_server.aggregates.groups import group_order
from telemetry_server.aggregates.newest_shape import newest_shape
from telemetry_server.aggregates.query import PING, HistogramQuery
from telemetry_server.aggregates.reader import Reader
from telemetry_server.aggregates.sums import Found, SumKey, Sums
from telemetry_server.aggregates.suppression import hidden_from_total, is_small, reveals_small_group
from telemetry_server.aggregates.use_counters import with_falses

# Why there is nothing: every value breaks its definition, so that none counts.
ONLY_MARKED = "only_marked"


class NoSuchMetric(Exception):
    """A metric that no revision defines and no ping has.  One line."""

    def __init__(self, metric: str) -> None:
        super().__init__(f"no revision defines {metric}, and no ping has it")


def histogram_answer(reader: Reader, query: HistogramQuery) -> dict[str, Any]:
    """
    Return the answer to *query*.

    Raises:
        NoSuchMetric: The metric is unknown.
        SumTooLarge: A sum does not fit into 64 bits.
        BrokenAggregate, OSError: The aggregates cannot be read.
    """
    return _Answer(reader, query).made()


class _Answer:
    """Makes one answer."""

    def __init__(self, reader: Reader, query: HistogramQuery) -> None:
        self._reader = reader
        small = hidden_from_total(reader, query)
        self._query = query = replace(query, hidden=frozenset(small))
        self._found = reader.sums(query)
        self._suppressed = {"cells": len(small), "samples": sum(sums.samples for sums in small.values())}

    def made(self) -> dict[str, Any]:
        """Return the answer."""
        query, found = self._query, self._found
        if not found.is_seen and not self._is_known():
            raise NoSuchMetric(query.metric)
        newest = newest_shape(found, self._reader.shapes)
        rows = self._rows(query, found)
        kind = self._reader.shapes[newest].kind if newest in self._reader.shapes else None
        answer: dict[str, Any] = {
            "metric": query.metric,
            "kind": None if kind is None else SHOWN_KINDS.get(kind, kind),
            "weight": query.weight,
            "as_of": self._reader.as_of,
            "through_day": self._reader.through_day,
            "rows": rows,
            "suppressed": self._suppressed,
            "other_shapes": self._other_shapes(found, newest),
            "left_out": found.left_out,
            "sealed_days": [day.table.day for day in self._reader.days_of(query) if day.table.is_sealed],
        }
        if rows and "labels" in rows[0]:
            answer["labels"] = rows[0]["labels"]
        if (compared := query.compared()) is not None:
            shown = [row["group"] for row in rows]
            answer["compare"] = {"group": query.compare, "row": self._compared(compared, shown, newest)}
        if self._reader.through:
            from telemetry_server.aggregates.since import changes_since

            answer["since"] = changes_since(self._reader, query)
        if not rows:
            answer["reason"] = self._why_nothing()
            if answer["reason"] == ONLY_MARKED:
                answer |= {"reason": "filtered_out", "only_marked": True}
        return answer

    def _is_known(self) -> bool:
        """Return whether the metric is defined, or some ping has it."""
        reader, metric = self._reader, self._query.metric
        return self._is_summed or reader.definitions.has(metric) or reader.is_stored(metric)

    @cached_property
    def _is_summed(self) -> bool:
        """Whether values of the metric count, in whatever selection."""
        metric, whole = self._query.metric, replace(self._reader, through="", after="")
        return self._found.is_seen or any(
            metric in summary.index["blocks"] for day in whole.days for summary in day.summaries
        )

    # -- rows

    def _compared(self, compared: HistogramQuery, shown: Sequence[str], newest: str) -> dict[str, Any] | None:
        """Return the row to compare with; None where there is none, or a small group would follow from it."""
        found = self._reader.sums(compared)
        rows = self._rows(compared, found)
        if not rows:
            return None
        own = newest_shape(found, self._reader.shapes)
        shape = None if self._query.merges else own if own == newest else ""
        if reveals_small_group(self._reader, self._query, compared, shown, shape):
            self._suppressed["cells"] += 1
            return None
        return rows[0]

    def _rows(self, query: HistogramQuery, found: Found) -> list[dict[str, Any]]:
        pings = self._reader.sums(query, PING).sums if found.sums else {}
        all_pings: dict[str, int] = defaultdict(int)
        for (group, _, _), sums in pings.items():
            all_pings[group] += sums.pings
        found = with_falses(self._reader, query, found)
        groups: dict[str, list[tuple[str, Sums]]] = defaultdict(list)
        for (group, _, shape), sums in found.sums.items():
            if sums.instances:
                groups[group].append((shape, sums))
        newest = newest_shape(found, self._reader.shapes)
        rows = []
        for group in sorted(groups, key=group_order):
            row = self._row(group, groups[group], newest, found)
            if row is not None:
                rows.append({**row, "all_pings": all_pings[group]})
        return rows

    def _row(
        self, group: str, parts: list[tuple[str, Sums]], newest: str, found: Found
    ) -> dict[str, Any] | None:
        query = self._query
        used = self._used_parts(parts, newest)
        if not used:
            return None
        made = self._histogram(used)
        if made is None:
            return None
        histogram, shapes = made
        if is_small(histogram.sums, self._reader.suppress_below):
            self._suppressed["cells"] += 1
            self._suppressed["samples"] += sum(histogram.histogram.counts)
            return None
        weighted = None
        if query.weight == "clients" and found.has_rows:
            by_shape = [
                (self._reader.shapes[id_], client_counts(found, (group, "", id_), histogram.histogram))
                for id_ in shapes
            ]
            weighted = weights_of(histogram, by_shape, query.percentiles)
        row = row_of(group, histogram, query.percentiles, weighted, is_smoothed=query.is_smoothed)
        if query.by == "branch" and found.has_rows:
            row["interval"] = _interval(histogram, found, [(group, "", id_) for id_ in shapes])
        return row

    def _used_parts(self, parts: list[tuple[str, Sums]], newest: str) -> list[tuple[str, Sums]]:
        if not self._query.merges:
            return [(shape, sums) for shape, sums in parts if shape == newest]
        known = [(shape, sums) for shape, sums in parts if shape in self._reader.shapes]
        return sorted(known, key=lambda part: (part[0] != newest, part[1].newest, part[0]))

    def _histogram(self, parts: Sequence[tuple[str, Sums]]) -> tuple[GroupHistogram, list[str]] | None:
        """Return the histogram of *parts*, and the shapes that are in it."""
        shapes = self._reader.shapes
        if len(parts) == 1:
            (id_, sums) = parts[0]
            return histogram_of_sums(
                shapes[id_], sums, self._reader.glean_buckets(self._query.metric, id_)
            ), [id_]
        made = merged([(shapes[shape], sums) for shape, sums in parts])
        if made is None:
            return None
        histogram, left_out = made
        return histogram, [shape for place, (shape, _) in enumerate(parts) if place not in left_out]

    # -- beside the rows

    def _other_shapes(self, found: Found, newest: str) -> list[dict[str, Any]]:
        others: dict[str, Sums] = defaultdict(Sums)
        for (_, _, shape), sums in found.sums.items():
            if shape != newest and sums.instances:
                others[shape].add(sums)
        samples = {}
        for shape, sums in others.items():
            if is_small(sums, self._reader.suppress_below):
                self._suppressed["cells"] += 1
                self._suppressed["samples"] += sums.samples
            else:
                samples[shape] = sums.samples
        return [
            {
                "shape": shape,
                "revisions": self._reader.definitions.revisions_of(self._query.metric, shape),
                "samples": samples[shape],
            }
            for shape in sorted(samples)
        ]

    def _why_nothing(self) -> str:
        if self._suppressed["cells"]:
            return "suppressed"
        if not self._found.is_seen:
            if self._reader.days_behind_of(self._query):
                return "not_aggregated_yet"
            if not self._is_summed and self._reader.is_stored(self._query.metric):
                return ONLY_MARKED
            return "not_sent_by_this_version"
        filters = self._query.selection.filters
        if "version" in filters:
            # Would it be there without the version?
            others = {name: values for name, values in filters.items() if name != "version"}
            wider = replace(self._query, selection=replace(self._query.selection, filters=others))
            if self._reader.sums(wider).sums:
                return "not_sent_by_this_version"
        return "not_aggregated_yet" if self._reader.days_behind_of(self._query) else "filtered_out"


def _interval(group: GroupHistogram, found: Found, keys: Sequence[SumKey]) -> dict[str, Any] | None:
    """Return the 95 % interval of the mean."""
    clients: dict[bytes, tuple[int, int]] = {}
    for key in keys:
        for client, (total, samples) in found.client_sums.get(key, {}).items():
            before = clients.get(client, (0, 0))
            clients[client] = before[0] + total, before[1] + samples
    if group.histogram.kind == BOOLEAN:
        trues, samples = group.histogram.counts[1], sum(group.histogram.counts[:2])
        # Wilson's interval is for independent values: one of each client.
        if samples == len(group.sums.clients) == group.sums.instances:
            interval = wilson_interval(trues, samples)
            return interval and {"low": interval[0], "high": interval[1], "method": "wilson"}
        clients = _trues(found, keys)
    if group.histogram.kind in ("enumerated", "categorical", "labeled_counter"):
        return None
    return mean_interval(clients, keys[0][0])


def _trues(found: Found, keys: Sequence[SumKey]) -> dict[bytes, tuple[int, int]]:
    clients: dict[bytes, tuple[int, int]] = {}
    for key in keys:
        for client, counts in found.by_client.get(key, {}).items():
            before = clients.get(client, (0, 0))
            trues = counts.get(1, 0)
            clients[client] = before[0] + trues, before[1] + trues + counts.get(0, 0)
    return clients
