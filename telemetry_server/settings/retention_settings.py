"""Settings of how long data is kept; a part of the table of settings."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from telemetry_server.settings.value_types import Days, duration_days


def days_or_off(value: object) -> float | None:
    """Parse a number of days, or ``36h``, ``7d``; ``off`` is None."""
    return None if value is None or value == "off" else duration_days(value)


class RetentionSettings(BaseModel):
    """How long records, quarantine and raw submissions are kept, and data whose deletion is requested."""

    record_retention_days: Annotated[
        Annotated[float, Field(ge=0, le=36525)] | None, BeforeValidator(days_or_off)
    ] = Field(
        None,
        description="How long records are kept, in days, with their rows in tables; `off` for ever.  Their "
        "aggregates stay.",
    )
    raw_retention_days: Days = Field(
        30.0,
        description="How long raw submissions are kept, in days.  They are never removed before conversion.",
    )
    deletion_delay_days: Days = Field(
        7.0,
        description="How long after a deletion request `serve` deletes the data of its client, in days; 0 "
        "deletes at once.",
    )
    quarantine_retention_days: Days = Field(
        90.0,
        description="How long quarantined submissions and dropped histogram values are kept, in days.",
    )
