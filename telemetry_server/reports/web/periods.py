"""Days, weeks and months along a chart, those without data among them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

WEEK = timedelta(days=7)


def periods_between(by: str, known: Sequence[str]) -> list[str]:
    """
    Return all periods from the first to the last of *known*.

    Args:
        by: ``day`` (YYYYMMDD), ``week`` (its Monday), or ``month`` (YYYYMM).
    """
    if not known:
        return []
    return list(_between(by, min(known), max(known)))


def _between(by: str, first: str, last: str) -> Iterator[str]:
    if by == "month":
        year, month = int(first[:4]), int(first[4:])
        while (text := f"{year:04}{month:02}") <= last:
            yield text
            year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        return
    day, end = date.fromisoformat(first), date.fromisoformat(last)
    while day <= end:
        yield f"{day:%Y%m%d}"
        day += WEEK if by == "week" else timedelta(days=1)


def days_of(by: str, period: str) -> tuple[str, str]:
    """Return the first and the last day of *period*, YYYYMMDD."""
    if by == "month":
        year, month = int(period[:4]), int(period[4:])
        following = date(year + month // 12, month % 12 + 1, 1)
        return f"{period}01", f"{following - timedelta(days=1):%Y%m%d}"
    first = date.fromisoformat(period)
    last = first + WEEK - timedelta(days=1) if by == "week" else first
    return f"{first:%Y%m%d}", f"{last:%Y%m%d}"


def is_unfinished(by: str, period: str) -> bool:
    """Return whether *period* is the present one."""
    today = datetime.now(UTC).date()
    if by == "month":
        return period == f"{today:%Y%m}"
    if by == "week":
        return period == f"{today - timedelta(days=today.weekday()):%Y%m%d}"
    return period == f"{today:%Y%m%d}"
