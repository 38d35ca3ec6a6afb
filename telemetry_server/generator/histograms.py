"""Generates histograms like those of clients: a few neighbouring buckets, with a zero at each edge."""

from math import log
from random import Random
from typing import Any

from histogram_specs.spec import HistogramKind, HistogramSpec

MIN_IN_USE, MAX_IN_USE = 5, 20


def _counts_of_hump(chance: Random, starts: tuple[int, ...]) -> dict[int, int]:
    """Return counts by position: several neighbours, with an empty bucket at each side if there is one."""
    width = min(chance.randint(MIN_IN_USE, MAX_IN_USE), len(starts))
    first = chance.randint(0, len(starts) - width)
    middle = chance.uniform(first, first + width)
    peak = chance.randint(2, 400)
    counts = {
        position: 1 + int(peak / (1 + abs(position - middle)) * (0.5 + chance.random()))
        for position in range(first, first + width)
    }
    if first > 0:
        counts[first - 1] = 0
    if first + width < len(starts):
        counts[first + width] = 0
    return dict(sorted(counts.items()))


def _counts(chance: Random, spec: HistogramSpec) -> dict[int, int]:
    if spec.kind is HistogramKind.FLAG:
        return {0: 1, 1: 0} if chance.random() < 0.8 else {0: 0, 1: 1, 2: 0}
    if spec.kind is HistogramKind.COUNT:
        return {0: chance.randint(1, 500), 1: 0}
    if spec.kind is HistogramKind.BOOLEAN:
        return {0: chance.randint(0, 80), 1: chance.randint(1, 80), 2: 0}
    return _counts_of_hump(chance, spec.bucket_starts)


def verbose_histogram(chance: Random, spec: HistogramSpec) -> dict[str, Any]:
    """Return one histogram of *spec* as clients write it in pings of versions 1 to 4."""
    starts = spec.bucket_starts
    counts = _counts(chance, spec)
    samples = [(starts[position], count) for position, count in counts.items()]
    histogram: dict[str, Any] = {
        "range": list(spec.range),
        "bucket_count": spec.bucket_count,
        "histogram_type": spec.histogram_type,
        "values": {str(start): count for start, count in samples},
        "sum": sum([start * count for start, count in samples]),
    }
    if spec.kind is HistogramKind.COUNT:
        histogram["sum"] = counts[0]
    if spec.kind is HistogramKind.EXPONENTIAL:
        logs = [(log(1 + start), count) for start, count in samples]
        histogram["log_sum"] = sum([value * count for value, count in logs])
        histogram["log_sum_squares"] = sum([value * value * count for value, count in logs])
    else:
        histogram["sum_squares_lo"] = sum([start * start * count for start, count in samples]) % 2**32
        histogram["sum_squares_hi"] = 0
    return histogram
