"""The rows of one row group, encoded."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from storage.tables.columns import ROW_GROUP_ROWS
from storage.tables.compiled.page_bodies import Numbers
from storage.tables.parquet.column_chunks import ColumnChunk


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Rows of one row group: for each column by name a chunk for each of its paths."""

    chunks: Mapping[str, Sequence[ColumnChunk]]
    num_rows: int


class EncodedRows(ABC):
    """The rows of one table in the order of its files."""

    num_rows: int

    @abstractmethod
    def __iter__(self) -> Iterator[RowGroup]:
        """
        Yield the rows by row group.

        Raises:
            OSError: The disk refuses to read rows that wait there.
        """


def row_groups(order: Numbers) -> Iterator[memoryview]:
    """Cut *order*, the numbers of rows with 32 bits each, into row groups."""
    rows = memoryview(order).cast("B").cast("i")
    for start in range(0, len(rows), ROW_GROUP_ROWS):
        yield rows[start : start + ROW_GROUP_ROWS]
