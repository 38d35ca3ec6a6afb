"""The histograms of several parts as Arrow arrays, in order of arrival."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.tables.arrays import Distinct, integers, kept, marks_of, words_at
from storage.tables.columns import MARK
from storage.tables.rows import NO_SUM, HistogramColumns

if TYPE_CHECKING:
    import pyarrow as pa

Numbered = tuple[HistogramColumns, Sequence[int | None] | int]
"""Histograms, and the place of each of their pings (None where it is unwanted), or that of the first."""


@dataclass(frozen=True, slots=True)
class HistogramArrays:
    """One entry a histogram; lists hold 32 bits a number until `wide` makes them what the files have."""

    pings: "pa.Array"  # places in the table ``pings`` of the same rows
    columns: "dict[str, pa.Array]"  # by the names of the table's columns
    large: "pa.Array"  # numbers that did not fit

    def wide(self, lists: "pa.ListArray") -> "pa.ListArray":
        """Return *lists* of 32 bits, such as of ``starts``, with all numbers in 64 bits."""
        import pyarrow as pa
        import pyarrow.compute as pc

        numbers = lists.flatten()
        if len(self.large):
            is_large = pc.less(numbers, 0)
            places = pc.if_else(is_large, pc.subtract(-1, numbers), pa.scalar(None, numbers.type))
            numbers = pc.if_else(is_large, self.large.take(places), numbers.cast(pa.int64()))
        else:
            numbers = numbers.cast(pa.int64())
        offsets = lists.offsets
        if offsets[0].as_py():
            offsets = pc.subtract(offsets, offsets[0])
        return pa.ListArray.from_arrays(offsets, numbers)


def histogram_arrays(parts: Sequence[Numbered]) -> HistogramArrays:
    """Return the histograms of *parts* that are of wanted pings."""
    import pyarrow as pa
    import pyarrow.compute as pc

    words, keys = Distinct(), Distinct()
    large: list[int] = []
    arrays: list[list[pa.Array]] = []
    for histograms, numbers in parts:
        arrays.append(_arrays_of(histograms, numbers, words, keys, len(large)))
        large += histograms.large
    names = ["", "process", "label", "key", "starts", "counts", "sum", MARK]
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
    return HistogramArrays(columns.pop(""), columns, pa.array(large, pa.int64()))


def _arrays_of(
    held: HistogramColumns, numbers: Sequence[int | None] | int, words: Distinct, keys: Distinct, large: int
) -> "list[pa.Array]":
    import pyarrow as pa
    import pyarrow.compute as pc

    short = pa.int32()
    new_words, new_keys = words.numbers_of(held.words), keys.numbers_of(held.shape_keys)
    ends = pc.cumulative_sum(integers(held.lengths, short))
    offsets = pa.concat_arrays([pa.array([0], short), ends])
    lists = [integers(held.starts, short), integers(held.counts, short)]
    if large and held.large:
        lists = [
            pc.if_else(pc.less(each, 0), pc.subtract(each, pa.scalar(large, short)), each) for each in lists
        ]
    columns = [
        new_words.take(integers(held.processes, short)),
        new_words.take(integers(held.labels, short)),
        new_keys.take(integers(held.keys, short)),
        *(pa.ListArray.from_arrays(offsets, each) for each in lists),
        integers(held.sums, pa.int64()),
        marks_of(held.marks, len(held.pings)),
    ]
    return kept(integers(held.pings, short), numbers, columns)
