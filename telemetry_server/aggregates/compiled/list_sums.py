"""Sums of the lists of histograms by cell, and distinct pairs, by the compiled module where there is one."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

try:
    from telemetry_server.aggregates.compiled import _sums
except ImportError:  # built without a C compiler
    IS_COMPILED = False
else:
    IS_COMPILED = True


def summed_lists(
    cells: "pa.Array", cell_count: int, starts: "pa.ListArray", counts: "pa.ListArray"
) -> "tuple[pa.ListArray, pa.ListArray] | None":
    """
    Return for each cell its distinct starts in order, and the sums of their counts.

    Args:
        cells: For each list the number of its cell, as int64 without nulls.
        starts: Lists of int64.
        counts: Lists of the same lengths.

    Returns:
        None without the compiled module, for starts that do not rise, and for sums past 64 bits: the
        caller adds up in another way.
    """
    import pyarrow as pa

    if not IS_COMPILED or starts.null_count or counts.null_count:
        return None
    offsets, data = _bytes_of(_offsets_of(starts)), (_bytes_of(starts.flatten()), _bytes_of(counts.flatten()))
    found = _sums.sum_lists(_bytes_of(cells), cell_count, offsets, *data)
    if found is None:
        return None
    lengths, all_starts, all_counts = found
    ends = pa.Array.from_buffers(pa.int32(), cell_count, [None, pa.py_buffer(lengths)])
    return _lists(ends, all_starts), _lists(ends, all_counts)


def list_totals(lists: "pa.ListArray") -> "pa.Array | None":
    """Return the sum of each list of int64; None without the compiled module, and for sums past 64 bits."""
    import pyarrow as pa

    if not IS_COMPILED or lists.null_count:
        return None
    found = _sums.row_sums(_bytes_of(_offsets_of(lists)), _bytes_of(lists.flatten()))
    if found is None:
        return None
    return pa.Array.from_buffers(pa.int64(), len(lists), [None, pa.py_buffer(found)])


def distinct_pairs(
    groups: "pa.Array", group_count: int, members: "pa.Array", member_count: int
) -> "tuple[pa.Array, pa.Array] | None":
    """
    Return how many distinct members each group has, and these by group, in order.

    Args:
        groups: Numbers below *group_count*, as int64.
        members: For each of them a number below *member_count*.

    Returns:
        None without the compiled module, and for nulls or other numbers.
    """
    import pyarrow as pa

    if not IS_COMPILED or groups.null_count or members.null_count:
        return None
    found = _sums.distinct_pairs(_bytes_of(groups), group_count, _bytes_of(members), member_count)
    if found is None:
        return None
    lengths, numbers = found
    return (
        pa.Array.from_buffers(pa.int32(), group_count, [None, pa.py_buffer(lengths)]).cast(pa.int64()),
        pa.Array.from_buffers(pa.int64(), len(numbers) // 8, [None, pa.py_buffer(numbers)]),
    )


def _offsets_of(lists: "pa.ListArray") -> "pa.Array":
    """Return where each list begins and ends among the numbers of all of them."""
    import pyarrow.compute as pc

    offsets = lists.offsets
    return pc.subtract(offsets, offsets[0]) if offsets[0].as_py() else offsets


def _bytes_of(numbers: "pa.Array") -> memoryview:
    """Return the bytes of *numbers*, which have no null."""
    data = numbers.buffers()[1]
    if data is None:
        return memoryview(b"")
    width = numbers.type.bit_width // 8
    start = numbers.offset * width
    return memoryview(data)[start : start + len(numbers) * width]


def _lists(lengths: "pa.Array", numbers: bytes) -> "pa.ListArray":
    import pyarrow as pa
    import pyarrow.compute as pc

    values = pa.Array.from_buffers(pa.int64(), len(numbers) // 8, [None, pa.py_buffer(numbers)])
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
    return pa.ListArray.from_arrays(offsets, values)
