"""The age of data: counted from the end of the day on which it arrived."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RetentionDays:
    """How long each kind of data is kept, in days; None for as long as the data root exists."""

    records: float | None
    quarantine: float
    raw: float


def is_past(day: date, kept_days: float, now: datetime) -> bool:
    """Return whether *day* (UTC) ended *kept_days* ago or longer."""
    end = datetime(day.year, day.month, day.day, tzinfo=UTC) + DAY
    return end + timedelta(days=kept_days) <= now


def date_of(day: str) -> date:
    """Return the day that YYYYMMDD names."""
    return datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).date()
