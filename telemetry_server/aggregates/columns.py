"""Arrow columns as small numbers: several values become one number, in the order of the values."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def one_array(column: "pa.ChunkedArray | pa.Array") -> "pa.Array":
    """Return *column* as one array, without the type of its extension."""
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        if pa.types.is_dictionary(column.type):
            column = column.unify_dictionaries()
        if isinstance(column.type, pa.BaseExtensionType):
            column = column.cast(column.type.storage_type)
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    return column.storage if isinstance(column, pa.ExtensionArray) else column


def ranked(column: "pa.Array") -> "tuple[pa.Array, pa.Array]":
    """
    Return the rank of each value among the distinct ones, as int64, and the distinct ones in order.

    The rank of null is the number of distinct values.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    words = encoded.dictionary
    if encoded is column:
        # A dictionary may hold more than is used, and one word twice.
        words = words.take(encoded.indices.unique().drop_null()).unique()
    words = words.take(pc.array_sort_indices(words))
    places = pc.index_in(encoded.dictionary, value_set=words).cast(pa.int64())
    ranks = places.take(encoded.indices)
    return (ranks.fill_null(len(words)) if ranks.null_count else ranks), words


def whole_number(number: int) -> "pa.Scalar":
    """
    Return *number* for PyArrow's functions.

    From a number of Python they guess the type, for which they look for a module that is seldom there:
    each time all over the search path, which costs more than most of these functions.
    """
    import pyarrow as pa

    return pa.scalar(number, pa.int64())


def joined(first: "pa.Array", size: int, second: "pa.Array | int") -> "pa.Array":
    """Return one number for each pair of numbers; *size* is more than any number of *second*."""
    import pyarrow.compute as pc

    rest = whole_number(second) if isinstance(second, int) else second
    return pc.add(pc.multiply(first, whole_number(size)), rest)


def parted(numbers: "pa.Array", size: int) -> "tuple[pa.Array, pa.Array]":
    """Return what `joined` made *numbers* of."""
    import pyarrow.compute as pc

    divisor = whole_number(size)
    first = pc.divide(numbers, divisor)
    return first, pc.subtract(numbers, pc.multiply(first, divisor))


def combined(columns: Sequence["pa.Array"]) -> "tuple[pa.Array, list[tuple[Any, ...]]]":
    """Return the number of each row's combination of values, as int64, and the combinations."""
    code, words = ranked(columns[0])
    combinations: list[tuple[Any, ...]] = [(value,) for value in [*words.to_pylist(), None]]
    for column in columns[1:]:
        ranks, words = ranked(column)
        size = len(words) + 1
        code, pairs = ranked(joined(code, size, ranks))
        values = [*words.to_pylist(), None]
        combinations = [(*combinations[pair // size], values[pair % size]) for pair in pairs.to_pylist()]
    return code, combinations


def lengths_of(groups: "pa.Array", count: int) -> "pa.Array":
    """Return how often each of the numbers 0 to *count* - 1 is among *groups*."""
    import pyarrow as pa
    import pyarrow.compute as pc

    counted = groups.value_counts()
    numbers = pc.subtract(pc.cumulative_sum(pa.repeat(pa.scalar(1, pa.int64()), count)), whole_number(1))
    places = pc.index_in(numbers, value_set=counted.field("values"))
    return counted.field("counts").take(places).fill_null(0)


def lists_of(values: "pa.Array", lengths: "pa.Array") -> "pa.Array":
    """Return *values* as consecutive lists of *lengths*."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ends = pc.cumulative_sum(lengths)
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), ends.cast(pa.int64())]).cast(pa.int32())
    return pa.ListArray.from_arrays(offsets, values)
