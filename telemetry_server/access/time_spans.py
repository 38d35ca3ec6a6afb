"""Spans of time as people write them: ``90d``, ``12h``, ``30m``, ``60s``."""

import re
from datetime import timedelta

SECONDS_OF_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86400}
MAX_DAYS = 36525


class BadTimeSpan(ValueError):
    """A text that is not a span of time.  One line."""


def time_span(text: str) -> timedelta:
    """
    Return the span of time that *text* means.

    Raises:
        BadTimeSpan: It means none.
    """
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    seconds = 0 if found is None else int(found[1]) * SECONDS_OF_UNIT[found[2]]
    if not 0 < seconds <= MAX_DAYS * 86400:
        raise BadTimeSpan(f"{text!r} is not a time span; write it like 90d, 12h, 30m or 60s")
    return timedelta(seconds=seconds)
