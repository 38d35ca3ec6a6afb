"""One row of an answer: the buckets of a group with its numbers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from math import fsum
from typing import Any

from telemetry_server.aggregates.buckets import LABELED_COUNTER, GleanBuckets, starts_seen
from telemetry_server.aggregates.formulas import (
    WITHOUT_PERCENTILE,
    Number,
    Percentile,
    mean,
    percentile,
    share_of_trues,
)
from telemetry_server.aggregates.shape_merging import Histogram, coarsened, histogram_of
from telemetry_server.aggregates.sums import Found, SumKey, Sums
from telemetry_server.aggregates.weights import ClientWeights, smoothed_shares
from telemetry_server.records.shapes import Shape

OTHER_LABEL = "__other__"
LINEAR_KIND = "linear"
NOT_DEFINED = GleanBuckets()
BOOLEAN = "boolean"
# Kinds as answers name them.
SHOWN_KINDS = {"scalar": "exponential", "simple_measurement": "exponential", "count": "count"}


@dataclass(slots=True)
class GroupHistogram:
    """The histogram of a group, of one shape or of several that were added."""

    histogram: Histogram
    sums: Sums
    foreign_starts: int = 0
    clients: Mapping[bytes, Mapping[int, int]] | None = None  # by client what it sent, if weights are wanted


def histogram_of_sums(shape: Shape, sums: Sums, defined: GleanBuckets = NOT_DEFINED) -> GroupHistogram:
    """
    Return the histogram of *sums*, which are all of *shape*.

    Args:
        defined: The buckets that it has by its definition, whether they were sent or not.
    """
    if shape.kind == LABELED_COUNTER.kind:
        known = {*sums.by_label, *defined.labels, *([OTHER_LABEL] if defined.labels else ())}
        labels = sorted(known, key=lambda label: (label == OTHER_LABEL, label))
        counts = tuple(sums.by_label.get(label, 0) for label in labels)
        return GroupHistogram(Histogram(shape.kind, tuple(range(len(labels))), counts, tuple(labels)), sums)
    if shape.starts:
        return GroupHistogram(_filled(shape, shape.starts, sums.counts), sums)
    starts, foreign = starts_seen(shape.kind, sums.counts, defined.starts)
    kind = LINEAR_KIND if defined.is_linear else shape.kind
    return GroupHistogram(_filled(replace(shape, kind=kind), starts, sums.counts), sums, foreign)


def _filled(shape: Shape, starts: Sequence[int], counts: Mapping[int, int]) -> Histogram:
    filled = [counts.get(start, 0) for start in starts]
    return histogram_of(Shape(shape.kind, tuple(starts), shape.labels), filled)


def merged(parts: Sequence[tuple[Shape, Sums]]) -> tuple[GroupHistogram, list[int]] | None:
    """
    Return the sum of histograms of several shapes, the newest first, and the positions of those left out.

    A shape that cannot be added to those before it is left out.
    """
    if not parts:
        return None
    first = histogram_of_sums(*parts[0])
    total, left_out = first.sums.copy(), []
    histogram = first.histogram
    for position, (shape, sums) in enumerate(parts[1:], 1):
        found = coarsened(histogram, histogram_of_sums(shape, sums).histogram)
        if found is None:
            left_out.append(position)
            continue
        histogram = found
        total.add(sums)
    return GroupHistogram(histogram, total, first.foreign_starts), left_out


def client_counts(found: Found, key: SumKey, histogram: Histogram) -> Mapping[bytes, Mapping[int, int]]:
    """Return the counts of each client, by start; of a labeled counter, by the position of the label."""
    if histogram.kind != LABELED_COUNTER.kind:
        return found.by_client.get(key, {})
    places = {label: place for place, label in enumerate(histogram.labels)}
    return {
        client: {places[label]: count for label, count in counts.items()}
        for client, counts in found.client_labels.get(key, {}).items()
    }


@dataclass(frozen=True, slots=True)
class Weighted:
    """Weights by client, for the buckets of a histogram."""

    shown: Sequence[float]
    exact: Sequence[Number]


def weights_of(
    group: GroupHistogram,
    by_shape: Sequence[tuple[Shape, Mapping[bytes, Mapping[int, int]]]],
    percentiles: Sequence[str],
) -> Weighted:
    """
    Return the weights by client of the buckets of *group*.

    Args:
        by_shape: For each shape that is in it, what each client sent.
    """
    places = range(len(group.histogram.starts))
    parts = [(_Places(group.histogram, shape), clients) for shape, clients in by_shape]
    weights = ClientWeights()
    for client in dict.fromkeys(chain.from_iterable(clients for _, clients in parts)):
        own: dict[int, int] = defaultdict(int)
        for place_of, clients in parts:
            for start, count in clients.get(client, {}).items():
                place = place_of[start]
                if count and place is not None:
                    own[place] += count
        weights.add(own)
    exact = weights.for_percentiles(places, [Fraction(p) for p in percentiles])
    return Weighted(weights.weights(places), exact)


class _Places(dict[int, int | None]):
    """Maps each start of a shape to the position of its bucket in a histogram, or to None."""

    def __init__(self, histogram: Histogram, shape: Shape) -> None:
        super().__init__()
        self._histogram = histogram
        self._shape = shape

    def __missing__(self, start: int) -> int | None:
        found = _fitted(self._histogram, self._shape, {start: 1})
        self[start] = next((place for place, count in enumerate(found) if count), None)
        return self[start]


def _fitted(histogram: Histogram, shape: Shape, counts: Mapping[int, int]) -> Sequence[int]:
    """Return *counts* of *shape* in the buckets of *histogram*."""
    if not shape.starts:
        return [counts.get(start, 0) for start in histogram.starts]
    own = _filled(shape, shape.starts, counts)
    if own.starts == histogram.starts and own.labels == histogram.labels:
        return own.counts
    none = Histogram(histogram.kind, histogram.starts, (0,) * len(histogram.starts), histogram.labels)
    found = coarsened(none, own)
    return own.counts if found is None else found.counts


def row_of(
    group: str,
    found: GroupHistogram,
    percentiles: Sequence[str],
    weighted: Weighted | None,
    *,
    is_smoothed: bool,
) -> dict[str, Any]:
    """Return the row of a group, as answers give it."""
    histogram, sums = found.histogram, found.sums
    counts: Sequence[Number | float] = histogram.counts
    exact: Sequence[Number] = histogram.counts
    if weighted is not None:
        counts, exact = list(weighted.shown), weighted.exact
        if is_smoothed and sums.clients:
            counts = smoothed_shares(weighted.exact, len(sums.clients))
            exact = [Fraction(str(share)) for share in counts]
    row: dict[str, Any] = {
        "group": group,
        "starts": list(histogram.starts),
        "counts": list(counts),
        "sum": None if sums.sum_unknown == sums.instances else sums.sum,
        "samples": sum(histogram.counts),
        "instances": sums.instances,
        "pings": sums.pings,
        "clients": sums.client_count,
        "without_client": sums.without_client,
        "sum_unknown": sums.sum_unknown,
        "mean": _mean(histogram, sums),
        "percentiles": [_shown(each) for each in _percentiles(histogram, exact, percentiles)],
    }
    if row["clients"] is None:
        row["clients_at_least"] = sums.clients_at_least
    if histogram.labels:
        row["labels"] = list(histogram.labels)
    if histogram.unknown:
        row["unknown"] = list(histogram.unknown)
    if found.foreign_starts:
        row["foreign_starts"] = found.foreign_starts
    return row


def _mean(histogram: Histogram, sums: Sums) -> float | None:
    if histogram.kind == BOOLEAN:
        return share_of_trues(histogram.counts)
    if histogram.kind in WITHOUT_PERCENTILE:
        return None
    return mean(sums.sum, sums.sum_samples)


def _percentiles(histogram: Histogram, counts: Sequence[Number], wanted: Sequence[str]) -> list[Percentile]:
    if histogram.kind in WITHOUT_PERCENTILE:
        return []
    return [percentile(histogram.kind, histogram.starts, counts, p) for p in wanted]


def _shown(each: Percentile) -> dict[str, Any]:
    p = float(each.p)
    return {
        "p": int(p) if p.is_integer() else p,
        "value": each.value,
        "estimate": each.estimate,
        "at_least": each.at_least,
    }


def mean_interval(clients: Mapping[bytes, tuple[int, int]], seed: str) -> dict[str, Any] | None:
    """
    Return the 95 % interval of a mean by a bootstrap of clients; None with fewer than two.

    Values of one client are alike, so whole clients are drawn, not values.  Very many are drawn in groups.

    Args:
        clients: For each client the sum of its values, and how many these are.
        seed: Equal seeds give equal intervals.
    """
    from random import Random

    pairs = [clients[client] for client in sorted(clients)]
    if len(pairs) < 2:
        return None
    pairs = [
        (
            sum(total for total, _ in pairs[place::MAX_DRAWN]),
            sum(count for _, count in pairs[place::MAX_DRAWN]),
        )
        for place in range(min(len(pairs), MAX_DRAWN))
    ]
    chance = Random(seed)
    means = []
    for _ in range(DRAWS):
        drawn = chance.choices(pairs, k=len(pairs))
        samples = sum(count for _, count in drawn)
        if samples:
            means.append(fsum(total for total, _ in drawn) / samples)
    means.sort()
    if not means:
        return None
    low, high = means[int(len(means) * 0.025)], means[min(len(means) - 1, int(len(means) * 0.975))]
    return {"low": low, "high": high, "method": "bootstrap"}


MAX_DRAWN, DRAWS = 400, 400
