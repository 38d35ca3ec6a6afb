"""The histograms of several parts as Arrow arrays, in order of arrival."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.tables.arrays import Distinct, integers, kept, marks_of, words_at
from storage.tables.columns import MARK
from storage.tables.compiled.bucket_lists import BucketLists
from storage.tables.rows import NO_SUM, HistogramColumns

if TYPE_CHECKING:
    import pyarrow as pa

Numbered = tuple[HistogramColumns, Sequence[int | None] | int]
"""Histograms, and the place of each of their pings (None where it is unwanted), or that of the first."""


@dataclass(frozen=True, slots=True)
class HistogramArrays:
    """One entry a histogram; its buckets are apart, to be put in order last."""

    pings: "pa.Array"  # places in the table ``pings`` of the same rows
    columns: "dict[str, pa.Array]"  # by the names of the table's columns, without ``starts`` and ``counts``
    places: "pa.Array"  # of each histogram in `buckets`
    buckets: BucketLists

    def lists(self, rows: "pa.Array") -> "dict[str, pa.Array]":
        """Return the columns ``starts`` and ``counts`` of the histograms at *rows*."""
        starts, counts = self.buckets.in_order(self.places.take(rows))
        return {"starts": starts, "counts": counts}


def histogram_arrays(parts: Sequence[Numbered]) -> HistogramArrays:
    """Return the histograms of *parts* that are of wanted pings."""
    import pyarrow as pa
    import pyarrow.compute as pc

    words, keys = Distinct(), Distinct()
    arrays: list[list[pa.Array]] = []
    count = 0
    for histograms, numbers in parts:
        arrays.append(_arrays_of(histograms, numbers, words, keys, count))
        count += len(histograms.pings)
    names = ["", "process", "label", "key", "place", "sum", MARK]
    joined = [
        columns[0] if len(columns) == 1 else pa.concat_arrays(columns)
        for columns in zip(*arrays, strict=True)
    ]
    columns = dict(zip(names, joined, strict=True))
    del arrays, joined
    key = columns.pop("key")
    texts = list(zip(*keys.values, strict=True)) or [(), (), ()]
    for name, values in zip(("metric", "kind", "shape"), texts, strict=True):
        columns[name] = words_at(key, values)
    for name in ("process", "label"):
        columns[name] = words_at(columns[name], list(words.values))
    columns[MARK] = columns[MARK].dictionary_encode()
    columns["sum"] = pc.if_else(pc.equal(columns["sum"], NO_SUM), pa.scalar(None, pa.int64()), columns["sum"])
    buckets = _bucket_lists([histograms for histograms, _ in parts])
    return HistogramArrays(columns.pop(""), columns, columns.pop("place"), buckets)


def _arrays_of(
    held: HistogramColumns, numbers: Sequence[int | None] | int, words: Distinct, keys: Distinct, first: int
) -> "list[pa.Array]":
    import pyarrow as pa

    short = pa.int32()
    new_words, new_keys = words.numbers_of(held.words), keys.numbers_of(held.shape_keys)
    count = len(held.pings)
    columns = [
        new_words.take(integers(held.processes, short)),
        new_words.take(integers(held.labels, short)),
        new_keys.take(integers(held.keys, short)),
        pa.arange(first, first + count).cast(short),
        integers(held.sums, pa.int64()),
        marks_of(held.marks, count),
    ]
    return kept(integers(held.pings, short), numbers, columns)


def _bucket_lists(parts: Sequence[HistogramColumns]) -> BucketLists:
    import pyarrow as pa
    import pyarrow.compute as pc

    short = pa.int32()
    large: list[int] = []
    starts, counts = [], []
    for part in parts:
        starts.append(_rebased(part.starts, len(large) if part.large else 0))
        counts.append(_rebased(part.counts, len(large) if part.large else 0))
        large += part.large
    ends = pc.cumulative_sum(integers(b"".join(part.lengths for part in parts), short))
    offsets = pa.concat_arrays([pa.array([0], short), ends])
    return BucketLists(offsets, b"".join(starts), b"".join(counts), large)


def _rebased(numbers: bytearray, large: int) -> "bytearray | pa.Buffer":
    """Return *numbers* with those that stand for large ones behind *large* others."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not large:
        return numbers
    short = integers(numbers, pa.int32())
    moved = pc.if_else(pc.less(short, 0), pc.subtract(short, pa.scalar(large, pa.int32())), short)
    return moved.buffers()[1]
