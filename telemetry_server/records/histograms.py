"""The histograms of a stored record: Firefox's rows and Glean's distributions, as sparse lists."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from storage.partitions.histogram_row import NOT_SENT, SUMMARY
from telemetry_server.records.fields import as_object
from telemetry_server.records.shapes import Shape

MAX_COUNT = 2**63 - 1

ShapeFinder = Callable[[str, int], Shape | None]
"""Called with a histogram's name and its bucket count; None where it has no known definition."""

# Glean distributions, each with the kind of its buckets.
GLEAN_DISTRIBUTIONS = frozenset(
    {"timing_distribution", "memory_distribution", "custom_distribution"}
    | {"labeled_timing_distribution", "labeled_memory_distribution", "labeled_custom_distribution"}
)
_START = re.compile(r"0|-?[1-9][0-9]{0,18}")
LABELED = "labeled_"
CUSTOM = "custom_distribution"


class HistogramRow(NamedTuple):
    """One histogram of the table ``histograms``."""

    metric: str
    process: str  # '' for Glean
    label: str  # the key of a keyed histogram, else ''
    shape: Shape
    starts: tuple[int, ...]  # of the buckets that are not empty, rising
    counts: tuple[int, ...]
    sum: int | None  # None where the client sent none, or no integer


def plain_rows_of(
    process: str, histograms: Any, find_shape: ShapeFinder, *, is_keyed: bool
) -> Iterator[HistogramRow]:
    """
    Yield the histograms of one object of rows whose definition is known.

    Rows that a client sent in compact form are checked here: those that are no rows are left out.
    """
    for metric, value in as_object(histograms).items():
        by_label = as_object(value) if is_keyed else {"": value}
        for label, row in by_label.items():
            yield from _unpacked(metric, process, label, row, find_shape)


def _unpacked(
    metric: str, process: str, label: str, row: Any, find_shape: ShapeFinder
) -> Iterator[HistogramRow]:
    if not isinstance(row, list) or len(row) <= len(SUMMARY):
        return
    counts = row[: -len(SUMMARY)]
    shape = find_shape(metric, len(counts))
    if shape is None or not _are_counts(counts):
        return
    filled = [(start, count) for start, count in zip(shape.starts, counts, strict=True) if count]
    yield HistogramRow(
        metric,
        process,
        label,
        shape,
        tuple(start for start, _ in filled),
        tuple(count for _, count in filled),
        sum_of(row[-len(SUMMARY)]),
    )


def sum_of(value: Any) -> int | None:
    """Return a histogram's sum; None where the client sent none, or no integer of 64 bits."""
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return value if is_integer and value != NOT_SENT and -MAX_COUNT <= value <= MAX_COUNT else None


def _are_counts(counts: Sequence[Any]) -> bool:
    if not set(map(type, counts)) <= {int}:
        return False
    return not counts or (min(counts) >= 0 and max(counts) <= MAX_COUNT)


def glean_rows_of(metrics: Mapping[str, Any]) -> Iterator[HistogramRow]:
    """Yield the distributions of a Glean ping; those with other keys than integers are left out."""
    for kind, by_metric in metrics.items():
        if kind not in GLEAN_DISTRIBUTIONS:
            continue
        for metric, value in as_object(by_metric).items():
            by_label = as_object(value) if kind.startswith(LABELED) else {"": value}
            for label, distribution in by_label.items():
                found = _distribution(kind, metric, label, as_object(distribution))
                if found is not None:
                    yield found


def _distribution(kind: str, metric: str, label: str, distribution: Mapping[str, Any]) -> HistogramRow | None:
    values = distribution.get("values")
    if not isinstance(values, dict):
        return None
    counts: Any = tuple(values.values())
    starts: Any = tuple(map(_start_of, values))
    if None in starts or not _are_counts(counts):
        return None
    if 0 in counts or list(starts) != sorted(starts):
        filled = sorted([(start, count) for start, count in zip(starts, counts, strict=True) if count])
        starts, counts = zip(*filled, strict=True) if filled else ((), ())
    return HistogramRow(
        metric,
        "",
        label,
        glean_shape(kind, metric),
        starts,
        counts,
        sum_of(distribution.get("sum")),
    )


@lru_cache(maxsize=4096)
def _start_of(text: str) -> int | None:
    """Return a plain decimal integer of 64 bits: two texts for one start would be two buckets."""
    start = int(text) if _START.fullmatch(text) else MAX_COUNT + 1
    return start if -MAX_COUNT <= start <= MAX_COUNT else None


def glean_shape(kind: str, metric: str) -> Shape:
    """Return the shape of a distribution of type *kind*."""
    return _shape(kind, metric if kind.endswith(CUSTOM) else "")


@lru_cache(maxsize=4096)
def _shape(kind: str, metric: str) -> Shape:
    return Shape(kind, metric=metric)
