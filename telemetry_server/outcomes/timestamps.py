"""Timestamps in the form of records and quarantine lines."""

from datetime import UTC, datetime


def timestamp(moment: datetime) -> str:
    """*moment* in UTC, always with six decimals and ``Z``."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
