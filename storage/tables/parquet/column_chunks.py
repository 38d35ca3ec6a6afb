"""
The columns of a row group, encoded as Parquet pages.

Sources: parquet.thrift and Encodings.md of Apache Parquet.  Data pages are of version 1, as in files
of PyArrow.
"""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from storage.tables.compiled.page_bodies import Numbers, Page, list_pages, split_page, word_page
from storage.tables.parquet.kinds import Kind
from storage.tables.parquet.levels import levels, packed, presence_and_rest, run, run_of_levels
from storage.tables.parquet.schema import BOOLEAN, BYTE_ARRAY, INT64, physical_type_of

# Numbers of parquet.thrift.
PLAIN, RLE, RLE_DICTIONARY, BYTE_STREAM_SPLIT = 0, 3, 8, 9
# A reader decodes a page at once, so long lists are in several.
PAGE_BYTES = 1 << 20
# Limits of longer texts are left out of the statistics: readers would keep them in memory.
MAX_STATISTIC_BYTES = 4096
_SHORT_KINDS = (Kind.SHORT, Kind.DAY)
# Definition levels of lists.
_NO_LIST, _EMPTY_LIST, _NO_VALUE, _VALUE = range(4)


@dataclass(frozen=True, slots=True)
class Statistics:
    """What readers skip row groups by."""

    nulls: int
    least: bytes | None = None
    most: bytes | None = None


@dataclass(frozen=True, slots=True)
class ColumnChunk:
    """One column of a row group before compression."""

    type: int  # a number of parquet.thrift
    encoding: int  # `PLAIN`, `RLE_DICTIONARY` or `BYTE_STREAM_SPLIT`
    pages: list[Page]
    dictionary: Page | None = None
    statistics: Statistics | None = None


@dataclass(frozen=True, slots=True)
class WordColumn:
    """
    A column whose rows name one of *words* or null; see `word_page`.

    Words are texts in UTF-8, whole numbers, or the bytes of other values as Parquet has them.
    """

    numbers: Numbers
    words: Sequence[bytes] | Sequence[int]
    by_number: Numbers | None = None

    def chunk(self, rows: Numbers | None, kind: Kind, *, statistics: bool) -> ColumnChunk:
        """Return *rows* of it (all if None) as a column of *kind*, of which each value is written once."""
        page, used, nulls = word_page(self.numbers, len(self.words), rows, self.by_number)
        values: list[Any] = [self.words[number] for number in used]
        found = _statistics(values, nulls, kind) if statistics else None
        return ColumnChunk(
            physical_type_of(kind), RLE_DICTIONARY, [page], _dictionary_of(values, kind), found
        )


def repeated_word(word: bytes | int | None, rows: int, kind: Kind, *, statistics: bool) -> ColumnChunk:
    """Return a column of *kind* that has *word*, or null, in each of so many *rows*; see `WordColumn`."""
    values = [] if word is None else [word]
    body = run_of_levels(len(values), rows) + b"\x01" + (run(0, rows) if values else b"")
    found = _statistics(values, rows if word is None else 0, kind) if statistics else None
    page = Page(body, rows)
    return ColumnChunk(physical_type_of(kind), RLE_DICTIONARY, [page], _dictionary_of(values, kind), found)


def _dictionary_of(values: Sequence[Any], kind: Kind) -> Page:
    encoded = [_encoded(value, kind) for value in values]
    if physical_type_of(kind) == BYTE_ARRAY:
        encoded = [len(value).to_bytes(4, "little") + value for value in encoded]
    return Page(b"".join(encoded), len(encoded))


def _statistics(values: Sequence[Any], nulls: int, kind: Kind) -> Statistics:
    limits = [_encoded(limit(values), kind) for limit in (min, max)] if values else []
    if not limits or max(map(len, limits)) > MAX_STATISTIC_BYTES:
        return Statistics(nulls)
    return Statistics(nulls, *limits)


def _encoded(value: bytes | int, kind: Kind) -> bytes:
    if isinstance(value, bytes):
        return value
    return value.to_bytes(4 if kind in _SHORT_KINDS else 8, "little", signed=True)


def booleans(values: Sequence[bool | None]) -> ColumnChunk:
    """Return values that are true, false or null as a column."""
    presence, _ = presence_and_rest(word_page(array("i", [-(value is None) for value in values]), 1).page)
    body = presence + packed(bytes([value for value in values if value is not None]), 1)
    return ColumnChunk(BOOLEAN, PLAIN, [Page(body, len(values))])


def text_lists(rows: Sequence[Sequence[bytes | None] | None], *, required: bool = False) -> ColumnChunk:
    """
    Return lists of texts in UTF-8 as a column, or what is one of two columns of texts by text.

    Args:
        required: Whether no text is null, by the schema.
    """
    repetition, definition = bytearray(), bytearray()
    for texts in rows:
        if not texts:
            repetition.append(0)
            definition.append(_NO_LIST if texts is None else _EMPTY_LIST)
            continue
        repetition += b"\0" + b"\1" * (len(texts) - 1)
        definition += bytes([_VALUE - (required or text is None) for text in texts])
    distinct: dict[bytes, int] = {}
    numbers = array(
        "i",
        [
            distinct.setdefault(text, len(distinct))
            for text in chain.from_iterable(texts for texts in rows if texts)
            if text is not None
        ],
    )
    page, used, _ = word_page(numbers, len(distinct))
    _, places = presence_and_rest(page)
    words = list(distinct)
    body = levels(repetition, 1) + levels(definition, _VALUE.bit_length()) + places
    return ColumnChunk(
        BYTE_ARRAY,
        RLE_DICTIONARY,
        [Page(body, len(definition))],
        _dictionary_of([words[number] for number in used], Kind.TEXTS),
    )


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
