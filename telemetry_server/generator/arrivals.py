"""Times of arrival of generated pings, spread evenly over days."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta


def arrival_times(count: int, days: int, last_day: date) -> Iterator[datetime]:
    """
    Return *count* rising times in UTC, spread evenly over the *days* days that end with *last_day*.

    The numbers of times per day differ by at most one.
    """
    first = datetime(last_day.year, last_day.month, last_day.day, tzinfo=UTC) - timedelta(days=days - 1)
    span = timedelta(days=days)
    return (first + span * ((index + 0.5) / count) for index in range(count))
