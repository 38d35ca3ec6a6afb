"""Checks that values fit both databases, and turns texts into dates and times."""

import re
from datetime import UTC, date, datetime, time
from math import isfinite
from typing import Any

_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ].*)?")
_TIME = re.compile(
    r"(?:\d{4}-\d{2}-\d{2}[T ])?(\d{2}:\d{2}(?::\d{2})?(?:[.,]\d{1,9})?)(?:Z|[+-]\d{2}:?\d{2})?"
)


def storable(value: Any, level: int = 1) -> str | None:
    """
    Return why *value* cannot be stored; None if it can.

    NUL and lone surrogates fit no text of PostgreSQL, NaN and infinity no JSON.
    """
    if isinstance(value, str):
        return text_problem(value)
    if isinstance(value, float):
        return None if isfinite(value) else "a number is not finite"
    if level > 64:
        return "nested past 64 levels"
    inner: Any
    if isinstance(value, dict):
        inner = (part for pair in value.items() for part in pair)
    elif isinstance(value, list):
        inner = value
    else:
        return None
    return next((problem for part in inner if (problem := storable(part, level + 1))), None)


def text_problem(text: str) -> str | None:
    """Return why *text* cannot be stored; None if it can."""
    if "\0" in text:
        return "a text contains NUL"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "a text contains a lone surrogate"
    return None


def date_of(text: str) -> date | None:
    """Return the date of *text*, which may be a time stamp; None if it is not a date."""
    found = _DATE.fullmatch(text.strip())
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


def time_of(text: str) -> time | None:
    """Return the time of day of *text*, which may be a time stamp; None if it is not a time."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    clock, _, fraction = found[1].replace(",", ".").partition(".")
    try:
        return time.fromisoformat(f"{clock}.{fraction[:6]:0<6}" if fraction else clock)
    except ValueError:
        return None


def moment_of(value: object) -> datetime | None:
    """Return the moment of an ISO text, UTC if it has no zone; None if it is not one."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        return None
