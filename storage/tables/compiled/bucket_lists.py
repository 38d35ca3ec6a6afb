"""The buckets of histograms in any order, by the compiled module where there is one."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from storage.tables.compiled.page_bodies import Numbers

if TYPE_CHECKING:
    import pyarrow as pa

try:
    from storage.tables.compiled import _lists
except ImportError:  # built without a C compiler
    IS_COMPILED = False
else:
    IS_COMPILED = True


@dataclass(frozen=True, slots=True)
class BucketLists:
    """
    The buckets of histograms in order of arrival, with 32 bits for each number.

    A negative number *n* stands for position -1 - *n* in *large*.
    """

    offsets: "pa.Array"  # int32: where each histogram begins among the buckets, and the end of the last
    starts: bytes | bytearray  # int32
    counts: bytes | bytearray  # int32
    large: Sequence[int]

    def in_order(self, rows: "pa.Array") -> "tuple[pa.ListArray, pa.ListArray]":
        """Return starts and counts of the histograms at *rows* (int32), as lists of int64."""
        if IS_COMPILED:
            return self._by_walk(rows)
        return self._of(rows, self.starts), self._of(rows, self.counts)

    def numbers_in_order(self, rows: "pa.Array", large: int) -> tuple[bytes, bytes, bytes]:
        """
        Return lengths, starts and counts of the histograms at *rows* (int32), with 32 bits for each number.

        Args:
            large: What is in *large* comes behind so many others.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        def moved(lists: "pa.ListArray") -> bytes:
            numbers = lists.flatten()
            if self.large:
                behind = pc.subtract(numbers, pa.scalar(large, pa.int32()))
                numbers = pc.if_else(pc.less(numbers, 0), behind, numbers)
            return bytes(_bytes_of(numbers))

        starts, counts = (
            _list_of(self.offsets, _integers(data, 32)).take(rows) for data in (self.starts, self.counts)
        )
        return bytes(_bytes_of(starts.value_lengths())), moved(starts), moved(counts)

    def _by_walk(self, rows: "pa.Array") -> "tuple[pa.ListArray, pa.ListArray]":
        offsets, starts, counts = ordered_lists(
            _bytes_of(self.offsets), _bytes_of(rows), self.starts, self.counts, self.large
        )
        ends = _integers(offsets, 32)
        return _list_of(ends, _integers(starts, 64)), _list_of(ends, _integers(counts, 64))

    def _of(self, rows: "pa.Array", data: bytes | bytearray) -> "pa.ListArray":
        import pyarrow as pa
        import pyarrow.compute as pc

        lists = _list_of(self.offsets, _integers(data, 32)).take(rows)
        numbers = lists.flatten()
        if self.large:
            is_large = pc.less(numbers, 0)
            places = pc.if_else(is_large, pc.subtract(-1, numbers), pa.scalar(None, numbers.type))
            large = pa.array(self.large, pa.int64()).take(places)
            numbers = pc.if_else(is_large, large, numbers.cast(pa.int64()))
        return _list_of(lists.offsets, numbers.cast(pa.int64()))


def offsets_of(lengths: bytes | bytearray) -> bytes:
    """
    Return where lists of these *lengths* begin, one behind another, and the end of the last; 32 bits each.

    Raises:
        ValueError: A length is negative, or the end is too large.
    """
    if IS_COMPILED:
        return _lists.offsets_of(lengths)
    numbers = array("i", lengths)
    if numbers and min(numbers) < 0:
        raise ValueError("lengths are not right")
    try:
        return array("i", accumulate(numbers, initial=0)).tobytes()
    except OverflowError:
        raise ValueError("lengths are not right") from None


def ordered_lists(
    offsets: Numbers, rows: Numbers, starts: Numbers, counts: Numbers, large: Sequence[int]
) -> tuple[bytes, bytes, bytes]:
    """
    Return offsets (32 bits each), starts and counts (64 bits each) of the histograms at *rows*.

    Only the compiled module does this; see `BucketLists` for the arguments, which are buffers.

    Raises:
        ValueError: A list or a large number is not there.
    """
    return _lists.ordered_lists(offsets, rows, starts, counts, array("q", large))


def sorted_run(
    parts: Sequence[tuple[Any, ...]], metrics: Numbers, known: int, *, has_marks: bool
) -> tuple[bytes, list[int], list[int], list[int]]:
    """
    Return the histograms of *parts* sorted by metric.

    Only the compiled module does this.

    Args:
        parts: For each its pings, processes, labels, keys, lengths (32 bits each), sums (64 bits), starts and
            counts (32 bits); then the number of each word, key and ping (-1 where it is unwanted); the number
            of its first ping, where those of its pings are not given and follow each other; and behind how
            many others its large numbers come, 0 if it has none.
        metrics: The metric of each key, by its number in the order.
        known: How many metrics there are.
        has_marks: Whether the new row of each row is asked for.

    Returns:
        The columns one after another; the first row and the first bucket of each metric, then how many there
        are in all; and for each row of the parts its new one, -1 where that is unwanted.

    Raises:
        ValueError: A row, or what it names, is not there.
    """
    data, *numbers, positions = _lists.sorted_run(tuple(parts), metrics, known, has_marks)
    rows, buckets = (memoryview(each).cast("q").tolist() for each in numbers)
    return data, rows, buckets, memoryview(positions).cast("i").tolist()


def _list_of(offsets: "pa.Array", numbers: "pa.Array") -> "pa.ListArray":
    import pyarrow as pa

    return pa.ListArray.from_arrays(offsets, numbers)


def _integers(data: bytes | bytearray, bits: int) -> "pa.Array":
    import pyarrow as pa

    type_ = pa.int32() if bits == 32 else pa.int64()
    return pa.Array.from_buffers(type_, len(data) * 8 // bits, [None, pa.py_buffer(data)])


def _bytes_of(numbers: "pa.Array") -> memoryview:
    """Return the bytes of *numbers*, which are int32 without null."""
    data = numbers.buffers()[1]
    if data is None:
        return memoryview(b"")
    return memoryview(data)[4 * numbers.offset : 4 * (numbers.offset + len(numbers))]
