"""Tables whose rows are tuples, as columns of numbers for the compiled writer of Parquet."""

from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from storage.tables.columns import (
    REPEATED_COLUMNS,
    SORT_ORDER,
    columns_of,
    has_statistics,
)
from storage.tables.compiled.page_bodies import sorted_rows
from storage.tables.numbered_pings import NumberedPings, text_pairs
from storage.tables.numbered_words import ranks_of, utf8, word_column
from storage.tables.parquet.column_chunks import ColumnChunk, WordColumn, booleans, text_lists
from storage.tables.parquet.kinds import Kind
from storage.tables.row_groups import EncodedRows, RowGroup, row_groups


class NumberedTuples(EncodedRows):
    """
    The rows of one table, in the order of its files.

    Args:
        tuples: For each row the place of its ping, then its values in the order of the columns, without
            those that are repeated of the ping.
    """

    def __init__(self, table: str, tuples: Sequence[tuple[Any, ...]], pings: NumberedPings) -> None:
        self._table = table
        self._pings = pings
        self._kinds = {name: kind for name, kind in columns_of(table).items() if name not in REPEATED_COLUMNS}
        places, *columns = zip(*tuples, strict=True) if tuples else [()] * (len(self._kinds) + 1)
        self._places = array("i", places)
        self._columns: dict[str, WordColumn | Sequence[Any]] = {}
        for (name, kind), values in zip(self._kinds.items(), columns, strict=True):
            is_list = kind in (Kind.PAIRS, Kind.TEXTS, Kind.BOOLEAN)
            self._columns[name] = values if is_list else word_column(values, kind)
        self.num_rows = len(tuples)

    def __iter__(self) -> Iterator[RowGroup]:
        """Yield the rows by row group."""
        sorting = [
            column
            for name in SORT_ORDER[self._table]
            if isinstance(column := self._columns[name], WordColumn)
        ]
        order = sorted_rows(self.num_rows, [_with_null(column) for column in sorting])
        for rows in row_groups(order):
            chunks = self._pings.repeated(self._table, rows, self._places)
            for name, kind in self._kinds.items():
                chunks[name] = self._chunks(name, kind, rows)
            yield RowGroup(chunks, len(rows))

    def _chunks(self, name: str, kind: Kind, rows: memoryview) -> list[ColumnChunk]:
        column = self._columns[name]
        if isinstance(column, WordColumn):
            return [column.chunk(rows, kind, statistics=has_statistics(self._table, name))]
        values = [column[row] for row in rows]
        if kind is Kind.BOOLEAN:
            return [booleans(values)]
        if kind is Kind.PAIRS:
            return text_pairs(values)
        return [text_lists([None if texts is None else [utf8(text) for text in texts] for texts in values])]


def _with_null(column: WordColumn) -> "tuple[array[int], array[int]]":
    """Return a number for each row of *column*, and the rank of each number; null has the last."""
    ranks = ranks_of(column.words)
    numbers = array("i", [len(column.words) if number < 0 else number for number in column.numbers])
    return numbers, ranks
