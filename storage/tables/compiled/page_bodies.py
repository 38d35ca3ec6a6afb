"""
The bodies of Parquet pages, by the compiled module.

Without it there are none: files are written by PyArrow then.  Numbers are given as bytes, 32 bits each if
nothing else is said.
"""

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

try:
    from storage.tables.compiled import _pages
except ImportError:  # built without a C compiler
    IS_COMPILED = False
else:
    IS_COMPILED = sys.byteorder == "little"

Numbers = Any
"""An object with a buffer of whole numbers."""


class Page(NamedTuple):
    """The body of a data page of version 1 before compression, and how many values or nulls it holds."""

    body: bytes
    values: int


class WordPage(NamedTuple):
    """A page of words, those that it uses in the order of their numbers there, and how many are null."""

    page: Page
    used: list[int]
    nulls: int


def word_page(
    numbers: Numbers, known: int, rows: Numbers | None = None, words: Numbers | None = None
) -> WordPage:
    """
    Return a column of words as a page.

    Args:
        numbers: Of each row: the number of its word; -1 stands for null.
        known: How many words there are.
        rows: Which rows the page holds, in order; all of them if not given.
        words: The word of each number, if *numbers* are others.

    Raises:
        ValueError: A row or a word is not there.
    """
    body, used, nulls = _pages.word_page(numbers, rows, words, known)
    page = Page(body, memoryview(numbers if rows is None else rows).nbytes // 4)
    return WordPage(page, memoryview(used).cast("i").tolist(), nulls)


def split_page(values: Numbers, rows: Numbers | None = None, places: Numbers | None = None) -> Page:
    """
    Return a column of numbers as a page, their bytes by significance.

    Args:
        values: 64 bits each; -2**63 stands for null.
        rows: Which rows the page holds, in order; all of them if not given.
        places: Where the number of each row is among *values*, if not at the row itself.

    Raises:
        ValueError: A row or a value is not there.
    """
    numbers = places if rows is None else rows
    count = memoryview(values).nbytes // 8 if numbers is None else memoryview(numbers).nbytes // 4
    return Page(_pages.split_page(values, rows, places), count)


def list_pages(
    offsets: Numbers, numbers: Numbers, cuts: Sequence[int], *, split: bool
) -> tuple[list[Page], bytes] | None:
    """
    Return lists of numbers as pages, and the distinct numbers that they refer to; none of the lists is null.

    Args:
        offsets: Where each list begins among *numbers*, and the end of the last.
        numbers: 64 bits each.
        cuts: Where each page begins among the lists, and the end of the last.
        split: Write the bytes of numbers by their significance.  The distinct numbers are empty then.

    Returns:
        None if too many numbers are distinct.

    Raises:
        ValueError: A list is not there.
    """
    found = _pages.list_pages(offsets, numbers, tuple(cuts), split)
    if found is None:
        return None
    pages, distinct = found
    return [Page(*page) for page in pages], distinct


def sorted_rows(count: int, columns: Sequence[tuple[Numbers, Numbers]]) -> bytes:
    """
    Return the numbers of *count* rows, sorted by the first of *columns*, then by the next.

    Args:
        columns: For each its numbers by row, and the rank of each number.

    Raises:
        ValueError: A row or a rank is not there.
    """
    return _pages.sorted_rows(count, tuple(columns))
