"""
Parsers with limits: numbers within bounds, texts of a limited length, words from a list.

Their messages begin in lower case, like all messages about settings.
"""

from collections.abc import Callable
from enum import Enum
from typing import TypeVar

# Bytes of an environment variable that are not UTF-8 become lone surrogates.
NOT_UNICODE = "input should be a valid string, unable to parse raw data as a unicode string"
Number = TypeVar("Number", int, float)
Word = TypeVar("Word", bound=Enum)


def within(
    parse: Callable[[object], Number], least: float, most: float | None = None
) -> Callable[[object], Number]:
    """Return a parser that refuses what is less than *least* or more than *most*."""

    def parsed(value: object) -> Number:
        number = parse(value)
        if most is not None and number > most:
            raise ValueError(f"input should be less than or equal to {most}")
        if not number >= least:  # nor is NaN
            raise ValueError(f"input should be greater than or equal to {least}")
        return number

    return parsed


def above_zero(parse: Callable[[object], float], most: float) -> Callable[[object], float]:
    """Return a parser that refuses 0, what is less, and what is more than *most*."""

    def parsed(value: object) -> float:
        number = parse(value)
        if number > most:
            raise ValueError(f"input should be less than or equal to {most}")
        if not number > 0:  # nor is NaN
            raise ValueError("input should be greater than 0")
        return number

    return parsed


def text_of(least: int = 0, most: int | None = None) -> Callable[[object], str]:
    """Return a parser of texts of *least* to *most* characters."""

    def parsed(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError("input should be a valid string")  # noqa: TRY004 - parsers raise ValueError
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueError(NOT_UNICODE)
        if len(value) < least:
            raise ValueError(f"string should have at least {least} character{'s' * (least != 1)}")
        if most is not None and len(value) > most:
            raise ValueError(f"string should have at most {most} characters")
        return value

    return parsed


def word_of(words: type[Word]) -> Callable[[object], Word]:
    """Return a parser of the values of *words*."""
    written = [repr(word.value) for word in words]

    def parsed(value: object) -> Word:
        try:
            return words(value)
        except ValueError:
            known = f"{', '.join(written[:-1])} or {written[-1]}"
            raise ValueError(f"input should be {known}") from None

    return parsed
