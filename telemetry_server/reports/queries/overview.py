"""What the first page shows: counts of a span of time, what needs attention, the newest pings."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from storage.ledger.ledger import Ledger
from storage.ledger.values import DayBooks
from telemetry_server.reports.queries.counts import OUTCOMES, by_hour
from telemetry_server.reports.queries.ping_summaries import PingFilter
from telemetry_server.reports.queries.pings import find_pings
from telemetry_server.reports.queries.source import Source
from telemetry_server.reports.queries.status import status_of

NEWEST_PINGS = 10
DAYS_SHOWN = 7  # by day, whatever the span
HOURS_BY_DAY = 72  # longer spans are counted by whole days


def overview_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return all numbers of the first page, for the last ``hours`` hours."""
    hours = arguments["hours"]
    now = datetime.now(UTC).replace(tzinfo=None)
    with source.ledger() as ledger:
        status, books = status_of(source, ledger), ledger.books()
        if hours <= HOURS_BY_DAY:
            bars, reasons = _by_hour(source, ledger, now, hours)
        else:
            bars, reasons = _by_day(books, status["days"], now, hours // 24)
        revisions = ledger.most_awaited_revisions(3)
    newest, _ = find_pings(source, PingFilter(), None, NEWEST_PINGS)
    return {
        "status": {name: value for name, value in status.items() if name != "days"},
        "unbalanced_days": _unbalanced(status["days"]),
        "hours": hours,
        **{name: sum(bar[name] for bar in bars) for name in ("received", *OUTCOMES)},
        "bars": bars,
        "last_days": _by_day(books, status["days"], now, DAYS_SHOWN)[0],
        "by": "hour" if hours <= HOURS_BY_DAY else "day",
        "reasons": [{"reason": reason, "count": count} for reason, count in reasons.most_common() if count],
        "awaited_revisions": revisions,
        "newest": [ping.as_json() for ping in newest],
    }


def _unbalanced(days: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    return [
        {"day": day, "missing": counts["received"] - sum(counts[outcome] for outcome in OUTCOMES)}
        for day, counts in days.items()
        if counts["received"] != sum(counts[outcome] for outcome in OUTCOMES)
    ]


def _by_hour(
    source: Source, ledger: Ledger, now: datetime, hours: int
) -> tuple[list[dict[str, Any]], Counter[str]]:
    """Return a bar for each hour, the oldest first, and the counts of quarantine by reason."""
    # The present hour has hardly begun, perhaps: the last hour needs the one before, too.
    number = max(2, hours)
    starts = [now - timedelta(hours=back) for back in reversed(range(number))]
    counted, reasons = by_hour(source, ledger, starts[0], now)
    counts = [counted.get(f"{start:%Y-%m-%dT%H}", Counter()) for start in starts]
    return _bars([f"{start:%Y-%m-%d %H:00}" for start in starts], counts), reasons


def _by_day(
    all_books: Mapping[str, DayBooks], days: Mapping[str, Mapping[str, int]], now: datetime, number: int
) -> tuple[list[dict[str, Any]], Counter[str]]:
    """Return the same with a bar for each day, as the books have it."""
    starts = [now - timedelta(days=back) for back in reversed(range(number))]
    names = [f"{start:%Y%m%d}" for start in starts]
    reasons: Counter[str] = Counter()
    for day, of_day in all_books.items():
        if day in names:
            reasons.update(of_day.reasons)
    counts = [Counter(days.get(name, {})) for name in names]
    return _bars([f"{start:%Y-%m-%d}" for start in starts], counts), reasons


def _bars(names: Sequence[str], counts: Sequence[Counter[str]]) -> list[dict[str, Any]]:
    return [
        {
            "start": name,
            "received": sum(each[outcome] for outcome in OUTCOMES),
            **{outcome: each[outcome] for outcome in OUTCOMES},
        }
        for name, each in zip(names, counts, strict=True)
    ]
