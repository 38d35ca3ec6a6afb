"""Adds histograms of several shapes, where that loses nothing but resolution."""

from collections.abc import Sequence
from dataclasses import dataclass

from telemetry_server.records.shapes import Shape

NUMERIC = frozenset({"linear", "exponential"})
CATEGORICAL = "categorical"
ENUMERATED = "enumerated"
SPILL = "spill"


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of all buckets of a shape."""

    kind: str
    starts: tuple[int, ...]
    counts: tuple[int, ...]
    labels: tuple[str, ...] = ()  # of a categorical one, the last is `SPILL`
    unknown: tuple[int, ...] = ()  # positions of buckets that a merged histogram did not have


def histogram_of(shape: Shape, counts: Sequence[int]) -> Histogram:
    """Return *counts* as a histogram; the spare buckets of a categorical one become its last bucket."""
    if shape.kind != CATEGORICAL:
        return Histogram(shape.kind, shape.starts, tuple(counts))
    used = len(shape.labels)
    shown = (*counts[:used], sum(counts[used:]))
    return Histogram(shape.kind, tuple(range(used + 1)), shown, (*shape.labels, SPILL))


def coarsened(first: Histogram, second: Histogram) -> Histogram | None:
    """
    Return the sum of two histograms; None where they cannot be added.

    Equal buckets are added.  Of enumerated and categorical ones, one must begin with all values of the
    other; the overflow of the shorter goes to that of the longer.  Linear and exponential ones meet in the
    starts that both have.
    """
    if first.kind == second.kind and first.starts == second.starts and first.labels == second.labels:
        counts = tuple(a + b for a, b in zip(first.counts, second.counts, strict=True))
        unknown = tuple(sorted({*first.unknown, *second.unknown}))
        return Histogram(first.kind, first.starts, counts, first.labels, unknown)
    if first.kind == second.kind and first.kind in (ENUMERATED, CATEGORICAL):
        return _lengthened(first, second)
    if first.kind in NUMERIC and second.kind in NUMERIC:
        return _common(first, second)
    return None


def _lengthened(first: Histogram, second: Histogram) -> Histogram | None:
    short, long = sorted((first, second), key=lambda each: len(each.starts))
    own = len(short.starts) - 1  # without the overflow
    if short.starts[:own] != long.starts[:own] or short.labels[:-1] != long.labels[:own]:
        return None
    counts = list(long.counts)
    for position in range(own):
        counts[position] += short.counts[position]
    counts[-1] += short.counts[-1]
    unknown = {*long.unknown, *short.unknown, *range(own, len(long.starts) - 1)}
    return Histogram(long.kind, long.starts, tuple(counts), long.labels, tuple(sorted(unknown)))


def _common(first: Histogram, second: Histogram) -> Histogram:
    starts = tuple(sorted(set(first.starts) & set(second.starts)))
    kind = first.kind if first.kind == second.kind else "exponential"
    counts = [a + b for a, b in zip(_moved(first, starts), _moved(second, starts), strict=True)]
    return Histogram(kind, starts, tuple(counts))


def _moved(histogram: Histogram, starts: Sequence[int]) -> list[int]:
    """Return the counts of *histogram* at *starts*, a part of its own: each moves down to the nearest."""
    counts, position = [0] * len(starts), 0
    for start, count in zip(histogram.starts, histogram.counts, strict=True):
        while position + 1 < len(starts) and starts[position + 1] <= start:
            position += 1
        counts[position] += count
    return counts
