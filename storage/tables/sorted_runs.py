"""
Histograms of some pings sorted by metric, as bytes of numbers that are written to disk.

The compiled module sorts them in one pass over the parts; without it, Arrow does.
"""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from storage.tables.arrays import bytes_of, integers, take
from storage.tables.compiled import bucket_lists
from storage.tables.histogram_arrays import Names, NumberColumns, Numbered, numbers_of
from storage.tables.sorting import order_of

if TYPE_CHECKING:
    import pyarrow as pa

# Columns of a run in their order, with the bytes of a number; starts and counts of buckets follow.
WIDTHS = {"ping": 4, "process": 4, "label": 4, "key": 4, "length": 4, "sum": 8}


@dataclass(frozen=True, slots=True)
class SortedRun:
    """Histograms sorted by metric; those of a metric are as they came."""

    data: Sequence[bytes | memoryview]  # the columns of `WIDTHS`, then starts and counts
    rows: int
    buckets: int
    metrics: list[str]  # in order
    first_rows: list[int]  # of each metric; then the number of rows
    first_buckets: list[int]  # of each metric; then the number of buckets
    marks: Mapping[int, str] = field(default_factory=dict)  # by row
    large: Sequence[int] = ()  # what negative numbers of the parts stand for


def sorted_run(parts: Sequence[Numbered], names: Names, large: int) -> SortedRun:
    """
    Return the histograms of *parts* that are of wanted pings; new texts are added to *names*.

    Args:
        large: Large numbers of the parts come behind so many others.
    """
    return _compiled_run(parts, names, large) if bucket_lists.IS_COMPILED else _arrow_run(parts, names, large)


def _compiled_run(parts: Sequence[Numbered], names: Names, large: int) -> SortedRun:
    given = []
    larges: list[int] = []
    for held, numbers in parts:
        columns = (held.pings, held.processes, held.labels, held.keys, held.lengths, held.sums)
        words, keys = names.places_of_words(held.words), names.places_of_keys(held.shape_keys)
        moved = large + len(larges) if held.large else 0
        given.append((*columns, held.starts, held.counts, words, keys, *_places_of(numbers), moved))
        larges += held.large
    metric_of_key = [metric for metric, _, _ in names.keys.values]
    metrics = sorted(set(metric_of_key))
    ranks = {metric: rank for rank, metric in enumerate(metrics)}
    by_key = array("i", map(ranks.__getitem__, metric_of_key))
    has_marks = any(held.marks for held, _ in parts)
    data, rows, buckets, positions = bucket_lists.sorted_run(given, by_key, len(metrics), has_marks=has_marks)
    used = [rank for rank in range(len(metrics)) if rows[rank] < rows[rank + 1]]
    return SortedRun(
        [data],
        rows[-1],
        buckets[-1],
        [metrics[rank] for rank in used],
        [*(rows[rank] for rank in used), rows[-1]],
        [*(buckets[rank] for rank in used), buckets[-1]],
        _moved_marks(parts, positions) if has_marks else {},
        larges,
    )


def _places_of(numbers: "Sequence[int | None] | int") -> "tuple[array[int], int]":
    """Return the place of each ping, -1 for one that is unwanted; or none, and that of the first."""
    if isinstance(numbers, int):
        return array("i"), numbers
    return array("i", [-1 if number is None else number for number in numbers]), 0


def _moved_marks(parts: Sequence[Numbered], positions: Sequence[int]) -> dict[int, str]:
    """Return the marks of *parts* by the row that has them now; *positions* has that of each row, or -1."""
    found: dict[int, str] = {}
    first = 0
    for held, _ in parts:
        for row, mark in held.marks.items():
            position = positions[first + row]
            if position >= 0:
                found[position] = mark
        first += len(held.pings)
    return found


def _arrow_run(parts: Sequence[Numbered], names: Names, large: int) -> SortedRun:
    numbers, lists = numbers_of(parts, names)
    metrics = names.metrics(numbers)
    order = order_of([metrics])
    rows = NumberColumns(*(column.take(order) for column in numbers))
    lengths, starts, counts = lists.numbers_in_order(rows.place, large)
    data: list[bytes | memoryview] = [
        *map(bytes_of, (rows.ping, rows.process, rows.label, rows.key)),
        lengths,
        bytes_of(rows.sum),
        starts,
        counts,
    ]
    return _described(data, rows, take(metrics, order), lengths, lists.large)


def _described(
    data: Sequence[bytes | memoryview],
    rows: NumberColumns,
    metrics: "pa.DictionaryArray",
    lengths: bytes,
    large: Sequence[int],
) -> SortedRun:
    import pyarrow as pa
    import pyarrow.compute as pc

    groups = pc.run_end_encode(metrics.indices)
    ends = groups.run_ends
    bucket_ends = pc.cumulative_sum(integers(lengths, pa.int32()))
    marked = pc.indices_nonzero(rows.mark.is_valid())
    first_buckets = [0, *bucket_ends.take(pc.subtract(ends, 1)).to_pylist()]
    return SortedRun(
        data,
        len(metrics),
        first_buckets[-1],
        metrics.dictionary.take(groups.values).to_pylist(),
        [0, *ends.to_pylist()],
        first_buckets,
        dict(zip(marked.to_pylist(), rows.mark.take(marked).to_pylist(), strict=True)),
        large,
    )
