"""What the first page shows: counts of a span of time, what needs attention, the newest pings."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from telemetry_server.reports.queries.counts import OUTCOMES, by_hour
from telemetry_server.reports.queries.ping_summaries import PingFilter
from telemetry_server.reports.queries.pings import find_pings
from telemetry_server.reports.queries.source import Source
from telemetry_server.reports.queries.status import status_of

NEWEST_PINGS = 10
HOURS_BY_DAY = 72  # longer spans are drawn by day


def overview_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return all numbers of the first page, for the last ``hours`` hours."""
    now = datetime.now(UTC).replace(tzinfo=None)
    first = now - timedelta(hours=arguments["hours"] - 1)
    with source.ledger() as ledger:
        status = status_of(source, ledger)
        hours = by_hour(source, ledger, first, now)
        reasons: Counter[str] = Counter()
        for day, books in ledger.books().items():
            if day >= f"{first:%Y%m%d}":
                reasons.update(books.reasons)
        revisions = ledger.most_awaited_revisions(3)
    newest, _ = find_pings(source, PingFilter(), None, NEWEST_PINGS)
    total: Counter[str] = Counter()
    for counts in hours.values():
        total.update(counts)
    return {
        "status": {name: value for name, value in status.items() if name != "days"},
        "unbalanced_days": _unbalanced(status["days"]),
        "hours": arguments["hours"],
        "received": total.total(),
        **{outcome: total[outcome] for outcome in OUTCOMES},
        "bars": _bars(hours, first, now),
        "by": "hour" if arguments["hours"] <= HOURS_BY_DAY else "day",
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


def _bars(hours: dict[str, Counter[str]], first: datetime, last: datetime) -> list[dict[str, Any]]:
    """Return an entry for each hour, or each day of a long span, the oldest first; empty ones too."""
    bars: dict[str, Counter[str]] = {}
    moment = first
    is_by_day = (last - first) >= timedelta(hours=HOURS_BY_DAY)
    while moment <= last:
        key = f"{moment:%Y-%m-%d}" if is_by_day else f"{moment:%Y-%m-%d %H:00}"
        bars.setdefault(key, Counter()).update(hours.get(f"{moment:%Y-%m-%dT%H}", Counter()))
        moment += timedelta(hours=1)
    return [
        {"start": key, "received": counts.total(), **{outcome: counts[outcome] for outcome in OUTCOMES}}
        for key, counts in bars.items()
    ]
