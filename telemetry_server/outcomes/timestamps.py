"""Timestamps in the form of records and quarantine lines."""

from datetime import UTC, datetime
from functools import lru_cache

_WITHOUT_OFFSET = len("2026-01-31T12:00:00.000000")


def timestamp(moment: datetime) -> str:
    """*moment* in UTC, always with six decimals and ``Z``."""
    return _text_of(moment if moment.tzinfo is UTC else moment.astimezone(UTC))


@lru_cache(maxsize=64)  # a ping has its time of arrival in several places
def _text_of(in_utc: datetime) -> str:
    return in_utc.isoformat(timespec="microseconds")[:_WITHOUT_OFFSET] + "Z"
