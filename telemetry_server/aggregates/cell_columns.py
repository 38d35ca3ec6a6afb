"""Cells and ids of clients as the columns of bytes that a summary file has."""

from typing import TYPE_CHECKING, Any

from storage.aggregates.summary_file import Column, numbers_of
from telemetry_server.aggregates.cells import NUMBERS, WORDS
from telemetry_server.aggregates.columns import one_array, ranked
from telemetry_server.aggregates.sums import ID_BYTES

if TYPE_CHECKING:
    import pyarrow as pa

LISTS = ("starts", "counts", "clients")


class CellBatch:
    """Cells as columns of bytes, of which each metric gets its part."""

    def __init__(self, cells: "pa.Table") -> None:
        import pyarrow.compute as pc

        self._words: dict[str, list[str | None]] = {}
        self._columns: list[Column] = []
        for name in WORDS[1:]:
            ranks, words = ranked(one_array(cells.column(name)))
            self._words[name] = [*words.to_pylist(), None]
            self._columns.append(column_of(name, ranks))
        for name in ("dimensions", *NUMBERS):
            self._columns.append(column_of(name, one_array(cells.column(name))))
        lists = {name: one_array(cells.column(name)) for name in LISTS}
        self._offsets = {name: pc.subtract(each.offsets, each.offsets[0]) for name, each in lists.items()}
        self._lists = [column_of(name, each.flatten()) for name, each in lists.items()]
        for name in ("starts", "clients"):  # there are as many counts as starts
            self._columns.append(column_of(f"{name}_length", pc.list_value_length(lists[name])))

    def block(self, first: int, last: int) -> tuple[list[Column], dict[str, Any], set[int]]:
        """Return the cells from *first* to *last*: columns, the words of their numbers, dimensions."""
        columns = [_slice(column, first, last) for column in self._columns]
        for column in self._lists:
            offsets = self._offsets[column.name]
            columns.append(_slice(column, offsets[first].as_py(), offsets[last].as_py()))
        used = {column.name: set(numbers_of(column)) for column in columns[: len(WORDS)]}
        values = {
            name: [[number, self._words[name][number]] for number in sorted(used[name])] for name in WORDS[1:]
        }
        return columns, values, used["dimensions"]


def _slice(column: Column, first: int, last: int) -> Column:
    return column._replace(data=column.data[first * column.width : last * column.width])


def column_of(name: str, numbers: "pa.Array") -> Column:
    """Return *numbers* in the smallest width that holds them all."""
    import pyarrow as pa
    import pyarrow.compute as pc

    least, most = pc.min_max(numbers).as_py().values()
    width = 1
    while width < 8 and not -(1 << (8 * width - 1)) <= (least or 0) <= (most or 0) < 1 << (8 * width - 1):
        width *= 2
    narrow = numbers.cast({1: pa.int8(), 2: pa.int16(), 4: pa.int32(), 8: pa.int64()}[width])
    data = narrow.buffers()[1]
    if data is None:
        return Column(name, width, b"")
    return Column(name, width, data.slice(narrow.offset * width, len(narrow) * width).to_pybytes())


def bytes_of_ids(ids: "pa.Array") -> bytes:
    """Return *ids*, of `ID_BYTES` each, one after the other."""
    data = ids.buffers()[1]
    return b"" if data is None else bytes(data.slice(ids.offset * ID_BYTES, len(ids) * ID_BYTES))
