"""
The bodies of Parquet pages, by the compiled module.

Without it there are none: files are written by PyArrow then.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa

try:
    from storage.tables.compiled import _pages
except ImportError:  # built without a C compiler
    IS_COMPILED = False
else:
    IS_COMPILED = sys.byteorder == "little"


class Page(NamedTuple):
    """The body of a data page of version 1 before compression, and how many values or nulls it holds."""

    body: bytes
    values: int


def word_page(words: "pa.DictionaryArray") -> "tuple[Page, pa.Array]":
    """Return numbers of words as a page, and the words that they are of: others are left out."""
    import pyarrow as pa

    numbers = words.indices
    body, used = _pages.word_page(*_numbers_of(numbers), len(words.dictionary))
    places = pa.Array.from_buffers(pa.int32(), len(used) // 4, [None, pa.py_buffer(used)])
    return Page(body, len(words)), words.dictionary.take(places)


def split_page(numbers: "pa.Array") -> Page:
    """Return numbers (int64) as a page, their bytes by significance."""
    return Page(_pages.split_page(*_numbers_of(numbers)), len(numbers))


def list_pages(lists: "pa.ListArray", cuts: Sequence[int], *, split: bool) -> tuple[list[Page], bytes] | None:
    """
    Return lists of int64 as pages, and the distinct numbers that they refer to; none of *lists* is null.

    Args:
        cuts: Where each page begins among the lists, and the end of the last.
        split: Write numbers by the significance of their bytes; there are no distinct numbers then.

    Returns:
        None if too many numbers are distinct.
    """
    values = lists.values
    data = values.buffers()[1]
    numbers = memoryview(b"" if data is None else data)[8 * values.offset : 8 * (values.offset + len(values))]
    found = _pages.list_pages(lists.buffers()[1], numbers, tuple(cut + lists.offset for cut in cuts), split)
    if found is None:
        return None
    pages, distinct = found
    return [Page(*page) for page in pages], distinct


def _numbers_of(numbers: "pa.Array") -> "tuple[pa.Buffer, pa.Buffer | None, int, int]":
    valid, data = numbers.buffers()
    return data or b"", valid if numbers.null_count else None, numbers.offset, len(numbers)
