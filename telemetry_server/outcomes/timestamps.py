"""Moments as records and quarantine lines write them."""

from datetime import UTC, datetime


def timestamp(moment: datetime) -> str:
    """UTC with six decimals and ``Z``, always."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
