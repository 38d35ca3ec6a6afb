"""
Percentiles, means and spread of a histogram, in integers and fractions.

A float may turn a tie: as floats, 99.9 / 100 is above 999 / 1000.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import exp, sqrt

Number = int | Fraction

# Kinds whose buckets are single values, not ranges.
WITHOUT_ESTIMATE = frozenset({"boolean", "flag", "enumerated", "categorical", "labeled_counter"})
# Kinds whose buckets have no order of size.
WITHOUT_PERCENTILE = frozenset({"enumerated", "categorical", "labeled_counter"})
LINEAR = frozenset({"linear"})


@dataclass(frozen=True, slots=True)
class Percentile:
    """One percentile of a histogram."""

    p: str  # as asked for, such as "99.9"
    value: int | None  # the start of its bucket; None without samples
    estimate: float | None  # interpolated in the bucket; None where that makes no sense
    at_least: bool  # it is in the last bucket, which has no upper end


def percentile_bucket(counts: Sequence[Number], p: Fraction) -> int | None:
    """Return the position of the first bucket with samples at which *p* percent are reached, or None."""
    wanted = p * sum(counts)
    reached: Number = 0
    last = None
    for position, count in enumerate(counts):
        if not count:
            continue
        reached += count
        last = position
        if 100 * reached >= wanted:
            return position
    return last


def percentile(kind: str, starts: Sequence[int], counts: Sequence[Number], p: str) -> Percentile:
    """
    Return percentile *p* of a histogram.

    Args:
        starts: The starts of all buckets.
        counts: As many counts, or weights.
        p: 0 to 100 as decimal text.
    """
    share = Fraction(p)
    position = percentile_bucket(counts, share)
    if position is None:
        return Percentile(p, None, None, at_least=False)
    is_last = position == len(starts) - 1
    if kind in WITHOUT_ESTIMATE:
        return Percentile(p, starts[position], None, at_least=False)
    before = sum(counts[:position])
    part = (share * sum(counts) / 100 - before) / Fraction(counts[position])
    estimate = _between(kind, starts, position, part)
    return Percentile(p, starts[position], estimate, at_least=is_last)


def _between(kind: str, starts: Sequence[int], position: int, part: Fraction) -> float:
    """Return the value at *part* (0 to 1) of a bucket."""
    start = starts[position]
    if position == len(starts) - 1:
        return float(start)
    end = starts[position + 1]
    part = min(max(part, Fraction(0)), Fraction(1))
    if kind in LINEAR or start <= 0:
        return float(start + part * (end - start))
    grown: float = start * (end / start) ** float(part)
    return min(max(grown, float(start)), float(end))


def mean(sum_of_values: int, samples: int) -> float | None:
    """Return the mean of *samples* values; None without samples."""
    return float(Fraction(sum_of_values, samples)) if samples else None


def share_of_trues(counts: Sequence[Number]) -> float | None:
    """Return the share of bucket 1 of a boolean histogram among buckets 0 and 1; None without samples."""
    total = counts[0] + counts[1]
    return float(Fraction(counts[1]) / total) if total else None


def standard_deviation(sum_of_values: int, sum_of_squares: int, samples: int) -> float | None:
    """Return the standard deviation of *samples* values; None without samples."""
    if not samples:
        return None
    return sqrt(max(0, samples * sum_of_squares - sum_of_values**2)) / samples


def geometric_mean(log_sum: float, samples: int) -> float | None:
    """
    Return the geometric mean of 1 + value, less 1; None without samples.

    Args:
        log_sum: The sum of ``ln(1 + value)``.
    """
    return exp(log_sum / samples) - 1 if samples else None


def geometric_deviation(log_sum: float, log_sum_squares: float, samples: int) -> float | None:
    """Return the geometric standard deviation of 1 + value; None without samples."""
    if not samples:
        return None
    return exp(sqrt(max(0.0, log_sum_squares / samples - (log_sum / samples) ** 2)))


def wilson_interval(part: int, whole: int, z: float = 1.959963984540054) -> tuple[float, float] | None:
    """Return the 95 % interval of Wilson for the share *part* of *whole*; None where *whole* is 0."""
    if not whole:
        return None
    share, spread = part / whole, z * z / whole
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * sqrt(share * (1 - share) / whole + spread / (4 * whole))
    return max(0.0, middle - half), min(1.0, middle + half)
