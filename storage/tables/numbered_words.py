"""Values as numbers of distinct ones, which Parquet's dictionaries and sorting are made of."""

import sys
from array import array
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from storage.tables.parquet.column_chunks import WordColumn
from storage.tables.parquet.kinds import Kind

EPOCH = datetime(1970, 1, 1)  # UTC, without a time zone as the columns have none
NULL = -1
_NUMBER_BYTES = 4


class Words(dict[Any, int]):
    """Gives distinct values consecutive numbers; null has `NULL`."""

    def __init__(self) -> None:
        super().__init__({None: NULL})
        self.list: list[Any] = []
        """All values but null by their number."""

    def __missing__(self, value: Any) -> int:
        number = self[value] = len(self.list)
        self.list.append(value)
        return number

    def numbers_of(self, values: Iterable[Any]) -> "array[int]":
        """Return the number of each of *values*."""
        return array("i", map(self.__getitem__, values))

    def places_of(self, texts: Iterable[str]) -> list[int]:
        """Return the number of each of *texts*; one more behind them, which `NULL` finds, stands for null."""
        return [*self.numbers_of(map(utf8, texts)), NULL]


def utf8(text: str) -> bytes:
    """Return *text* in UTF-8, which has question marks for lone surrogates."""
    return text.encode(errors="replace")


def word_column(values: Iterable[Any], kind: Kind) -> WordColumn:
    """
    Return *values* of *kind* as a column of words.

    Args:
        values: Texts, whole numbers, or for `Kind.MOMENT` times in UTC without a time zone.
    """
    words = Words()
    if kind is Kind.TEXT:
        texts = Words()  # each is encoded once
        numbers = texts.numbers_of(values)
        places = words.places_of(texts.list)
        return WordColumn(array("i", map(places.__getitem__, numbers)), words.list)
    if kind is Kind.MOMENT:
        values = (value if value is None else microseconds(value) for value in values)
    return WordColumn(words.numbers_of(values), words.list)


def microseconds(moment: datetime) -> int:
    """Return the microseconds since 1970 of *moment*."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def only_number(column: WordColumn) -> int | None:
    """Return the number that all rows of *column* have; None where they differ, or it has ``by_number``."""
    if column.by_number is not None:
        return None
    numbers = bytes(column.numbers)  # a view of bytes is compared one by one
    first = numbers[:_NUMBER_BYTES]
    is_same = len(numbers) > 0 and numbers == first * (len(numbers) // _NUMBER_BYTES)
    return int.from_bytes(first, sys.byteorder, signed=True) if is_same else None


def ranks_of(words: Sequence[bytes] | Sequence[int]) -> "array[int]":
    """Return the place of each of *words* among the sorted ones, and behind them that of null."""
    ranks = array("i", [0]) * len(words)
    for rank, number in enumerate(sorted(range(len(words)), key=words.__getitem__)):
        ranks[number] = rank
    ranks.append(len(words))
    return ranks


def ranked(column: WordColumn) -> "array[int]":
    """Return the rank of each row of *column*, which has no ``by_number``; null comes last."""
    ranks = ranks_of(column.words)
    return array("i", map(ranks.__getitem__, memoryview(column.numbers).cast("B").cast("i")))
