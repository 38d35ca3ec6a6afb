"""The histograms of several parts as Arrow arrays, in order of arrival."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from storage.tables.arrays import Distinct, integers, is_utf8, kept, marks_of, without_surrogates, words_at
from storage.tables.columns import MARK
from storage.tables.compiled.bucket_lists import BucketLists
from storage.tables.rows import NO_SUM, HistogramColumns, ShapeKey

if TYPE_CHECKING:
    import pyarrow as pa

    from storage.tables.spilled_histograms import SpilledColumns

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


class Names:
    """The texts of histograms of several parts, with a number for each."""

    def __init__(self) -> None:
        self.words = Distinct()
        self.keys = Distinct()

    def places_of_words(self, words: Sequence[str]) -> "array[int]":
        """Return the number of each of *words*; lone surrogates are question marks from here on."""
        return self.words.places_of(words if is_utf8(words) else without_surrogates(words))

    def places_of_keys(self, keys: Sequence[ShapeKey]) -> "array[int]":
        """Return the number of each of *keys*; lone surrogates are question marks from here on."""
        if all(map(is_utf8, keys)):
            return self.keys.places_of(keys)
        return self.keys.places_of([tuple(without_surrogates(key)) for key in keys])

    def named(self, numbers: "NumberColumns", buckets: BucketLists) -> HistogramArrays:
        """Return histograms with texts in place of their numbers."""
        import pyarrow as pa
        import pyarrow.compute as pc

        columns = {name: words_at(numbers.key, values) for name, values in self.texts_of_keys()}
        for name, number in (("process", numbers.process), ("label", numbers.label)):
            columns[name] = words_at(number, list(self.words.values))
        columns[MARK] = numbers.mark.dictionary_encode()
        no_sum = pa.scalar(None, pa.int64())
        columns["sum"] = pc.if_else(pc.equal(numbers.sum, NO_SUM), no_sum, numbers.sum)
        return HistogramArrays(numbers.ping, columns, numbers.place, buckets)

    def metrics(self, numbers: "NumberColumns") -> "pa.Array":
        """Return the metric of each histogram."""
        return words_at(numbers.key, dict(self.texts_of_keys())["metric"])

    def texts_of_keys(self) -> Iterator[tuple[str, Sequence[str]]]:
        """Yield the columns that are named by a key, and the text of each key."""
        texts = list(zip(*self.keys.values, strict=True)) or [(), (), ()]
        yield from zip(("metric", "kind", "shape"), texts, strict=True)


class NumberColumns(NamedTuple):
    """Histograms by column, an entry a histogram; texts are numbers of `Names`."""

    ping: "pa.Array"  # int32: place in the table ``pings`` of the same rows
    process: "pa.Array"  # int32
    label: "pa.Array"  # int32
    key: "pa.Array"  # int32
    place: "pa.Array"  # int32: among the lists of buckets
    sum: "pa.Array"  # int64; `NO_SUM` if it has none
    mark: "pa.Array"  # text; null if it has none


def histogram_arrays(parts: Sequence[Numbered]) -> HistogramArrays:
    """Return the histograms of *parts* that are of wanted pings."""
    names = Names()
    return names.named(*numbers_of(parts, names))


def spilled_arrays(columns: "SpilledColumns", names: Names) -> HistogramArrays:
    """Return *columns*, whose numbers stand for *names*."""
    import pyarrow as pa

    short = pa.int32()
    numbers = NumberColumns(
        integers(columns.ping, short),
        integers(columns.process, short),
        integers(columns.label, short),
        integers(columns.key, short),
        pa.arange(0, columns.rows).cast(short),
        integers(columns.sum, pa.int64()),
        marks_of(columns.marks, columns.rows),
    )
    offsets = integers(columns.offsets, short)
    return names.named(numbers, BucketLists(offsets, columns.starts, columns.counts, columns.large))


def numbers_of(parts: Sequence[Numbered], names: Names) -> tuple[NumberColumns, BucketLists]:
    """Return the histograms of *parts* that are of wanted pings; new texts are added to *names*."""
    import pyarrow as pa

    arrays: list[list[pa.Array]] = []
    count = 0
    for histograms, numbers in parts:
        arrays.append(_arrays_of(histograms, numbers, names, count))
        count += len(histograms.pings)
    joined = [
        columns[0] if len(columns) == 1 else pa.concat_arrays(columns)
        for columns in zip(*arrays, strict=True)
    ]
    return NumberColumns(*joined), _bucket_lists([histograms for histograms, _ in parts])


def _arrays_of(
    held: HistogramColumns, numbers: Sequence[int | None] | int, names: Names, first: int
) -> "list[pa.Array]":
    import pyarrow as pa

    short = pa.int32()
    new_words = integers(names.places_of_words(held.words), short)
    new_keys = integers(names.places_of_keys(held.shape_keys), short)
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
