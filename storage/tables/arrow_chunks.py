"""
Arrow columns of the table ``histograms`` as column chunks.

PyArrow is an optional extra, so it is imported inside functions.
"""

from typing import TYPE_CHECKING

from storage.tables.arrays import bytes_of
from storage.tables.columns import HISTOGRAMS, columns_of, has_statistics, is_split_column
from storage.tables.parquet.column_chunks import ColumnChunk, WordColumn, number_lists, split_numbers
from storage.tables.parquet.kinds import Kind
from storage.tables.rows import NO_SUM

if TYPE_CHECKING:
    import pyarrow as pa


def chunks_of(rows: "pa.Table") -> dict[str, list[ColumnChunk]]:
    """Return the columns of *rows* by name: texts are dictionary-encoded, each column is one chunk of it."""
    return {
        name: [_chunk_of(name, kind, *rows.column(name).chunks)]
        for name, kind in columns_of(HISTOGRAMS).items()
    }


def _chunk_of(name: str, kind: Kind, column: "pa.Array") -> ColumnChunk:
    import pyarrow as pa

    is_split = is_split_column(HISTOGRAMS, name)
    if pa.types.is_list(column.type):
        return number_lists(bytes_of(column.offsets), bytes_of(column.values), repeat=not is_split)
    if is_split:
        return split_numbers(bytes_of(column.fill_null(NO_SUM)))
    return _words_of(column).chunk(None, kind, statistics=has_statistics(HISTOGRAMS, name))


def _words_of(column: "pa.Array") -> WordColumn:
    """Return texts or dates as numbers of distinct ones."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    words = column.dictionary
    plain = pa.int32() if pa.types.is_date32(words.type) else pa.binary()
    numbers = column.indices.cast(pa.int32()).fill_null(-1)
    return WordColumn(bytes_of(numbers), words.cast(plain).to_pylist())
