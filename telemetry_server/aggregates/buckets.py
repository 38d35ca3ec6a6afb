"""Buckets of measures whose definition names none: counts, scalars, and Glean's distributions."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from math import floor

from histogram_specs.buckets import exponential_bucket_starts
from telemetry_server.records.shapes import Shape

# Scalars are summed up under their name in upper case, behind this.
SCALAR_PREFIX = "SCALARS_"
COUNT = Shape("count", exponential_bucket_starts(1, 10_000, 100))
SCALAR = Shape("scalar", COUNT.starts)
SIMPLE_MEASUREMENT = Shape("simple_measurement", exponential_bucket_starts(1, 30_000, 50))
LABELED_COUNTER = Shape("labeled_counter")
CUSTOM = "custom_distribution"
OWN_SHAPES = (COUNT, SCALAR, SIMPLE_MEASUREMENT, LABELED_COUNTER)

# Buckets for each doubling of the value.
TIMING_PER_DOUBLING, MEMORY_PER_DOUBLING = 8, 16
MAX_FUNCTIONAL = 2**63 - 1


@dataclass(frozen=True, slots=True)
class GleanBuckets:
    """The buckets in the definition of a Glean metric; empty if it defines none."""

    labels: tuple[str, ...] = ()  # of a labeled counter
    starts: tuple[int, ...] = ()  # of a custom distribution
    is_linear: bool = False


def bucket_of(starts: tuple[int, ...], value: int) -> int:
    """Return the start of the bucket that holds *value*; what is below the first counts there."""
    return starts[max(0, bisect_right(starts, value) - 1)]


@cache
def functional_starts(per_doubling: int) -> tuple[int, ...]:
    """
    Return the starts that Glean's timing and memory distributions use, 0 first.

    Clients round the ratio of two starts to a double first, so with 16 for each doubling a start is 31 where
    the exact root gives 32.
    """
    ratio = 2.0 ** (1.0 / per_doubling)
    starts, power = {0}, 0
    while (start := floor(ratio**power)) <= MAX_FUNCTIONAL:
        starts.add(start)
        power += 1
    return tuple(sorted(starts))


def starts_seen(kind: str, seen: Iterable[int], defined: Sequence[int] = ()) -> tuple[tuple[int, ...], int]:
    """
    Return the starts of a Glean distribution up to those that were *seen*, and how many of these are foreign.

    A start that no client computes is kept as a bucket of its own.  One more start is the end of the last.

    Args:
        defined: The starts of a custom distribution by its definition: all of them are returned.
    """
    found = set(seen)
    if defined:
        return tuple(sorted(found.union(defined))), len(found.difference(defined))
    if kind.endswith("timing_distribution"):
        known = functional_starts(TIMING_PER_DOUBLING)
    elif kind.endswith("memory_distribution"):
        known = functional_starts(MEMORY_PER_DOUBLING)
    else:
        return tuple(sorted(found)), 0
    if not found:
        return (), 0
    end = bisect_right(known, max(found)) + 1
    return tuple(sorted(found.union(known[:end]))), len(found.difference(known))
