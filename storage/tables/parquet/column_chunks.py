"""
The columns of a row group, encoded as Parquet pages.

Sources: parquet.thrift and Encodings.md of Apache Parquet.  Data pages are of version 1, as in files
of PyArrow.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from storage.tables.compiled.page_bodies import Numbers, Page, list_pages, split_page, word_page

# Numbers of parquet.thrift.
PLAIN, RLE, RLE_DICTIONARY, BYTE_STREAM_SPLIT = 0, 3, 8, 9
INT32, INT64, BYTE_ARRAY = 1, 2, 6
# A reader decodes a page at once, so long lists are in several.
PAGE_BYTES = 1 << 20
# Limits of longer texts are left out of the statistics: readers would keep them in memory.
MAX_STATISTIC_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Statistics:
    """What readers skip row groups by."""

    nulls: int
    least: bytes | None = None
    most: bytes | None = None


@dataclass(frozen=True, slots=True)
class ColumnChunk:
    """One column of a row group before compression."""

    type: int  # `INT32`, `INT64` or `BYTE_ARRAY`
    encoding: int  # `RLE_DICTIONARY` or `BYTE_STREAM_SPLIT`
    pages: list[Page]
    dictionary: Page | None = None
    statistics: Statistics | None = None


@dataclass(frozen=True, slots=True)
class WordColumn:
    """A column whose rows name one of *words* or null; see `word_page`."""

    numbers: Numbers
    words: Sequence[bytes] | Sequence[int]  # texts in UTF-8, or days since 1970
    by_number: Numbers | None = None

    def chunk(self, rows: Numbers | None, type_: int, *, statistics: bool) -> ColumnChunk:
        """Return *rows* of it (all if None) as a column of *type_*, `BYTE_ARRAY` or `INT32`."""
        page, used, nulls = word_page(self.numbers, len(self.words), rows, self.by_number)
        values: list[Any] = [self.words[number] for number in used]
        encoded = [_encoded(value) for value in values]
        if type_ == BYTE_ARRAY:
            encoded = [len(value).to_bytes(4, "little") + value for value in encoded]
        dictionary = Page(b"".join(encoded), len(encoded))
        found = _statistics(values, nulls) if statistics else None
        return ColumnChunk(type_, RLE_DICTIONARY, [page], dictionary, found)


def _statistics(values: Sequence[Any], nulls: int) -> Statistics:
    limits = [_encoded(min(values)), _encoded(max(values))] if values else []
    if not limits or max(map(len, limits)) > MAX_STATISTIC_BYTES:
        return Statistics(nulls)
    return Statistics(nulls, *limits)


def _encoded(value: bytes | int) -> bytes:
    return value if isinstance(value, bytes) else value.to_bytes(4, "little", signed=True)


def split_numbers(values: Numbers, rows: Numbers | None = None, places: Numbers | None = None) -> ColumnChunk:
    """Return numbers of 64 bits that seldom repeat as a column; see `split_page`."""
    return ColumnChunk(INT64, BYTE_STREAM_SPLIT, [split_page(values, rows, places)])


def number_lists(offsets: Numbers, numbers: Numbers, *, repeat: bool) -> ColumnChunk:
    """
    Return lists of numbers as a column; see `list_pages`.

    Args:
        repeat: Whether the same numbers are expected in many lists: each is written once then.
    """
    cuts = _cuts_of(memoryview(offsets).cast("B").cast("i"))
    found = list_pages(offsets, numbers, cuts, split=False) if repeat else None
    if found is not None:
        pages, distinct = found
        return ColumnChunk(INT64, RLE_DICTIONARY, pages, Page(distinct, len(distinct) // 8))
    found = list_pages(offsets, numbers, cuts, split=True)
    assert found is not None
    return ColumnChunk(INT64, BYTE_STREAM_SPLIT, found[0])


def _cuts_of(offsets: memoryview) -> list[int]:
    """Return where pages of about `PAGE_BYTES` begin among the lists, and the end of the last."""
    lists = len(offsets) - 1
    ends = range(offsets[0] + PAGE_BYTES // 8, offsets[-1], PAGE_BYTES // 8)
    # A page ends with the list that fills it: only a list that is long by itself makes a longer page.
    cuts = {bisect_left(offsets, end) for end in ends}
    return sorted({0, lists} | cuts)
