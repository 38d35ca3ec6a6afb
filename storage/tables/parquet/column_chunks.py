"""
The columns of a row group, encoded as Parquet pages.

Sources: parquet.thrift and Encodings.md of Apache Parquet.  Data pages are of version 1, as in files
of PyArrow.  PyArrow is an optional extra, so it is imported inside functions.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.tables.compiled.page_bodies import Page, list_pages, split_page, word_page

if TYPE_CHECKING:
    import pyarrow as pa

# Numbers of parquet.thrift.
PLAIN, RLE, RLE_DICTIONARY, BYTE_STREAM_SPLIT = 0, 3, 8, 9
INT32, INT64, BYTE_ARRAY = 1, 2, 6
# A reader decodes a page at once, so long lists are in several.
PAGE_BYTES = 1 << 20
# Longer texts are no statistics: readers would keep them in memory.
MAX_STATISTIC_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Statistics:
    """What readers skip row groups by."""

    least: bytes
    most: bytes
    nulls: int


@dataclass(frozen=True, slots=True)
class ColumnChunk:
    """One column of a row group before compression."""

    type: int  # `INT32`, `INT64` or `BYTE_ARRAY`
    encoding: int  # `RLE_DICTIONARY` or `BYTE_STREAM_SPLIT`
    pages: list[Page]
    dictionary: Page | None = None
    statistics: Statistics | None = None


def words_of(words: "pa.DictionaryArray", *, statistics: bool) -> ColumnChunk:
    """Return a column of texts, or of dates, each of which is written once."""
    import pyarrow as pa

    page, used = word_page(words)
    if pa.types.is_date32(used.type):
        type_ = INT32
        values = [number.to_bytes(4, "little", signed=True) for number in used.cast(pa.int32()).to_pylist()]
        body = b"".join(values)
        ends = used.cast(pa.int32()).to_pylist()
        limits = (
            [number.to_bytes(4, "little", signed=True) for number in (min(ends), max(ends))] if ends else []
        )
    else:
        type_ = BYTE_ARRAY
        values = used.cast(pa.binary()).to_pylist()
        body = b"".join(part for value in values for part in (len(value).to_bytes(4, "little"), value))
        limits = [min(values), max(values)] if values else []
    found = None
    if statistics and limits and len(max(limits, key=len)) <= MAX_STATISTIC_BYTES:
        found = Statistics(*limits, words.null_count)
    return ColumnChunk(type_, RLE_DICTIONARY, [page], Page(body, len(values)), found)


def numbers_of(numbers: "pa.Array") -> ColumnChunk:
    """Return a column of numbers (int64) that seldom repeat."""
    return ColumnChunk(INT64, BYTE_STREAM_SPLIT, [split_page(numbers)])


def lists_of(lists: "pa.ListArray", *, repeat: bool) -> ColumnChunk:
    """
    Return a column of lists of int64, none of which is null.

    Args:
        repeat: Whether the same numbers are expected in many lists: each is written once then.
    """
    cuts = _cuts_of(lists)
    found = list_pages(lists, cuts, split=False) if repeat else None
    if found is not None:
        pages, distinct = found
        return ColumnChunk(INT64, RLE_DICTIONARY, pages, Page(distinct, len(distinct) // 8))
    found = list_pages(lists, cuts, split=True)
    assert found is not None
    return ColumnChunk(INT64, BYTE_STREAM_SPLIT, found[0])


def _cuts_of(lists: "pa.ListArray") -> list[int]:
    """Return where pages of about `PAGE_BYTES` begin among *lists*, and the end of the last."""
    offsets = lists.offsets
    pages = max(1, -(-8 * (offsets[-1].as_py() - offsets[0].as_py()) // PAGE_BYTES))
    rows = max(1, -(-len(lists) // pages))
    return [*range(0, len(lists), rows), len(lists)]
