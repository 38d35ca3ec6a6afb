"""The known name that a misspelled one was meant for, if one looks like it."""

import difflib
from collections.abc import Iterable

MIN_LIKENESS = 0.6  # of `difflib`: below it the two share little more than a few letters


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The name of *known* that looks most like *word*; None where none looks like it."""
    names = list(known)
    begun = [name for name in names if word and name.startswith(word.lower())]
    found = difflib.get_close_matches(word.lower(), names, n=1, cutoff=MIN_LIKENESS)
    return found[0] if found else min(begun, key=len, default=None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean NAME?``, or nothing where no name of *known* looks like *word*."""
    found = nearest(word, known)
    return "" if found is None else f"; did you mean {found}?"
