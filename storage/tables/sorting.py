"""Sorts a table's rows by small numbers instead of texts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from storage.tables.columns import SORT_ORDER

if TYPE_CHECKING:
    import pyarrow as pa

MAX_CODE = 2**62
# Arrow sorts by counting where numbers are from a range that is not larger.
MAX_COUNTED = 4096


def sorted_rows(table: str, rows: "pa.RecordBatch") -> "pa.RecordBatch":
    """Return *rows* in the order in which the files of *table* hold them; equal ones keep their order."""
    order = order_of([rows.column(name) for name in SORT_ORDER[table]])
    return rows.take(order)


def order_of(columns: Sequence["pa.Array"]) -> "pa.Array":
    """Return the numbers of the rows, sorted by the first of *columns*, then by the next; null comes last."""
    import pyarrow as pa
    import pyarrow.compute as pc

    code, size = pa.scalar(0, pa.int64()), 1
    for column in columns:
        ranks, distinct = _ranks(column)
        size *= distinct
        if size > MAX_CODE:
            return _order_by_values(columns)
        code = pc.add(pc.multiply(code, distinct), ranks)
    code = code.cast(pa.int64())
    if size > MAX_COUNTED:
        numbers = code.dictionary_encode()
        if len(numbers.dictionary) < MAX_COUNTED:
            code, _ = _ranks(numbers)
    return pc.array_sort_indices(code)


def _ranks(column: "pa.Array") -> tuple["pa.Array", int]:
    """Return the rank of each value among the distinct ones, and the number of ranks."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    values = column.dictionary
    order = pc.array_sort_indices(values)
    # The inverse of a permutation is the order that sorts it.
    places = pc.array_sort_indices(order).cast(pa.int64())
    ranks = places.take(column.indices)
    if ranks.null_count:
        ranks = ranks.fill_null(len(values))
    return ranks, len(values) + 1


def _order_by_values(columns: Sequence["pa.Array"]) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    decoded = [
        column.dictionary_decode() if pa.types.is_dictionary(column.type) else column for column in columns
    ]
    names = [str(number) for number in range(len(columns))]
    rows = pa.table(decoded, names=names)
    return pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in names])
