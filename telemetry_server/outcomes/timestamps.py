"""Timestamps in the form of records and quarantine lines."""

from datetime import UTC, datetime

_WITHOUT_OFFSET = len("2026-01-31T12:00:00.000000")


def timestamp(moment: datetime) -> str:
    """*moment* in UTC, always with six decimals and ``Z``."""
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return in_utc.isoformat(timespec="microseconds")[:_WITHOUT_OFFSET] + "Z"
