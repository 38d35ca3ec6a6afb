"""Queries for the books: how many submissions had which outcome, by day of arrival."""

import sqlite3

from storage.ledger.values import DayBooks, Entry


def tally(connection: sqlite3.Connection) -> dict[tuple[str, Entry, str], int]:
    """Return every count, by day, entry and reason."""
    rows = connection.execute("SELECT day, entry, reason, count FROM tally ORDER BY day, entry, reason")
    return {(day, Entry(entry), reason): count for day, entry, reason, count in rows}


def books(connection: sqlite3.Connection) -> dict[str, DayBooks]:
    """Return the books by day.  They cover what was read from raw/, not what is still unread there."""
    sums: dict[str, dict[str, int]] = {}
    reasons: dict[str, dict[str, int]] = {}
    columns = set(DayBooks.__dataclass_fields__)
    for (day, entry, reason), count in tally(connection).items():
        if entry not in columns:
            continue
        of_day = sums.setdefault(day, {})
        of_day[entry] = of_day.get(entry, 0) + count
        if entry is Entry.QUARANTINED and count:
            reasons.setdefault(day, {})[reason] = count
    waiting = list(connection.execute("SELECT day, count(*) FROM pending GROUP BY day"))
    for day, count in waiting:
        of_day = sums.setdefault(day, {})
        of_day["pending"] = of_day.get("pending", 0) + count
    return {day: DayBooks(**of_day, reasons=reasons.get(day, {})) for day, of_day in sorted(sums.items())}


def received_count(connection: sqlite3.Connection) -> int:
    """Return how many submissions were ever received."""
    (count,) = connection.execute(
        "SELECT coalesce(sum(count), 0) FROM tally WHERE entry = ?", (Entry.RECEIVED,)
    ).fetchone()
    return int(count)


def newest_arrival_day(connection: sqlite3.Connection) -> str | None:
    """Return the latest day (YYYYMMDD) on which a committed submission arrived; None if there is none."""
    (day,) = connection.execute(
        "SELECT max(day) FROM tally WHERE entry = ? AND count > 0", (Entry.RECEIVED,)
    ).fetchone()
    return None if day is None else str(day)
