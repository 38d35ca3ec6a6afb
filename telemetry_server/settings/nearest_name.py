"""Suggests the known name that is most like a misspelled one."""

from collections.abc import Iterable

MIN_LIKENESS = 0.6  # of `difflib`: below it two names share only a few letters


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the name in *known* that is most like *word*, or None if none is similar."""
    import difflib  # only mistakes need it

    names = list(known)
    begun = [name for name in names if word and name.startswith(word.lower())]
    found = difflib.get_close_matches(word.lower(), names, n=1, cutoff=MIN_LIKENESS)
    return found[0] if found else min(begun, key=len, default=None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean NAME?``, or an empty text if no name in *known* is similar to *word*."""
    found = nearest(word, known)
    return "" if found is None else f"; did you mean {found}?"
