"""Settings of how long data is kept; a part of the table of settings."""

from dataclasses import dataclass

from telemetry_server.settings.fields import setting
from telemetry_server.settings.value_types import days


def days_or_off(value: object) -> float | None:
    """Parse a number of days, or ``36h``, ``7d``; ``off`` is None."""
    return None if value == "off" else days(value)


@dataclass(frozen=True, init=False, repr=False, eq=False)
class RetentionSettings:
    """How long records, quarantine and raw submissions are kept, and data whose deletion is requested."""

    record_retention_days: float | None = setting(
        None,
        "How long records are kept, in days, with their rows in tables; `off` for ever.  Their "
        "aggregates stay.",
        days_or_off,
    )
    raw_retention_days: float = setting(
        30.0, "How long raw submissions are kept, in days.  They are never removed before conversion.", days
    )
    deletion_delay_days: float = setting(
        7.0,
        "How long after a deletion request `serve` deletes the data of its client, in days; 0 "
        "deletes at once.",
        days,
    )
    quarantine_retention_days: float = setting(
        90.0, "How long quarantined submissions and dropped histogram values are kept, in days.", days
    )
