"""Lists of pings, the newest first."""

import heapq
from collections.abc import Iterator
from itertools import chain
from typing import Any
from uuid import UUID

from storage.ledger.ledger import Ledger
from telemetry_server.reports.queries.ping_summaries import PingFilter, PingSummary
from telemetry_server.reports.queries.refused_pings import repeats_and_deleted, unread_pings
from telemetry_server.reports.queries.source import Source
from telemetry_server.reports.queries.stored_pings import After, stored_pings


def find_pings(
    source: Source, wanted: PingFilter, after: After | None, limit: int
) -> tuple[list[PingSummary], After | None]:
    """
    Return at most *limit* wanted pings, the newest first, and the key to go on after; None at the end.

    It reads day by day, the newest first, and stops as soon as it has enough.
    """
    found: list[PingSummary] = []
    with source.ledger() as ledger:
        unread = source.unread.all(ledger)
        for day in _days(ledger, {each.day for each in unread}, wanted, after):
            missing = limit + 1 - len(found)
            of_day = _of_day(source, ledger, day, wanted, after=after, limit=missing)
            if wanted.takes_outcome("pending"):
                # Without a condition the newest are wanted; with one, any of them may be.
                is_first = after is None and wanted.takes_all_stored and not wanted.reason
                of_day = chain(of_day, unread_pings(unread, day, *([missing] if is_first else [])))
            # A ping that went into the tables meanwhile may come twice.
            candidates = {
                ping.key: ping
                for ping in of_day
                if wanted.matches(ping) and (after is None or ping.key < after)
            }
            found += [candidates[key] for key in heapq.nlargest(missing, candidates)]
            if len(found) > limit:
                return found[:limit], found[limit - 1].key
    return found, None


def _of_day(
    source: Source, ledger: Ledger, day: str, wanted: PingFilter, *, after: After | None, limit: int
) -> Iterator[PingSummary]:
    if wanted.takes_outcome("stored"):
        yield from stored_pings(source, ledger, day, wanted, after=after, limit=limit)
    if wanted.takes_outcome("quarantined"):
        yield from source.quarantined.of_day(ledger, day, wanted.reason)
    if wanted.takes_outcome("duplicate") or wanted.takes_outcome("deleted"):
        yield from repeats_and_deleted(ledger, day)
    if wanted.takes_outcome("pending"):
        yield from source.pending.of_day(ledger, day)


def _days(ledger: Ledger, unread_days: set[str], wanted: PingFilter, after: After | None) -> list[str]:
    days = set(ledger.books()) | unread_days
    if wanted.q and len(wanted.q) == 36:
        days &= _days_of_id(ledger, wanted.q) | unread_days
    if after is not None:
        last = after[0][:10].replace("-", "")
        days = {day for day in days if day <= last}
    return sorted((day for day in days if wanted.takes_day(day)), reverse=True)


def _days_of_id(ledger: Ledger, text: str) -> set[str]:
    days = set()
    for known in ledger.outcomes_of(UUID(text).bytes):
        if known.directory:
            days.add(known.directory.split("/")[1])
        elif known.segment:
            days.add(known.segment.split("/")[0])
        else:
            days.add(known.received_at[:10].replace("-", ""))
    return days


def pings_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of ``/api/v1/pings``, its cursor as a list."""
    after = arguments["after"]
    found, next_after = find_pings(
        source,
        PingFilter(**arguments["filter"]),
        None if after is None else (after[0], after[1], after[2]),
        arguments["limit"],
    )
    return {"items": [ping.as_json() for ping in found], "next": next_after}
