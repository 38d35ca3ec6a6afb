"""Counts of submissions by outcome: in all, by day, by hour, by reason."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import Any
from uuid import UUID

from storage.archive.object_reading import open_stored
from storage.ledger.ledger import Ledger
from storage.ledger.values import DayBooks, Entry
from telemetry_server.outcomes.outcome import QuarantineReason
from telemetry_server.outcomes.quarantine_line import CONFLICT
from telemetry_server.reports.queries.refused_pings import refusals_between
from telemetry_server.reports.queries.source import Source

OUTCOMES = ("stored", "duplicate", "quarantined", "pending", "deleted")
COLUMNS = ("received", "stored", "duplicate", "conflict", "quarantined", "pending", "deleted")
# Only these may lack an id that is a UUID, and what lacks one is not in the ledger's list of refusals.
WITHOUT_ID = (QuarantineReason.INVALID_PATH, QuarantineReason.INVALID_DOCUMENT_ID)
MAX_HOURS = 31 * 24
MAX_PARTS_REMEMBERED = 4096


def books_by_day(source: Source, ledger: Ledger) -> dict[str, DayBooks]:
    """Return the books by day as `audit` gives them: what is unread in raw/ is pending."""
    unread = Counter(each.day for each in source.unread.all(ledger))
    books = ledger.books()
    for day, count in unread.items():
        known = books.get(day, DayBooks())
        books[day] = replace(known, received=known.received + count, pending=known.pending + count)
    return dict(sorted(books.items()))


def counts_of(books: DayBooks) -> dict[str, int]:
    """Return the counts of one day, or of all."""
    return {name: getattr(books, name) for name in COLUMNS}


def summed(days: dict[str, DayBooks]) -> dict[str, int]:
    """Return the counts of all *days* together."""
    return {name: sum(getattr(books, name) for books in days.values()) for name in COLUMNS}


def damaged(ledger: Ledger) -> dict[str, int]:
    """Return how much of the raw store was damaged when it was read."""
    found = {"records": 0, "bytes": 0}
    for (_, entry, _), count in ledger.tally().items():
        if entry is Entry.DAMAGED_RECORDS:
            found["records"] += count
        elif entry is Entry.DAMAGED_BYTES:
            found["bytes"] += count
    return found


def by_hour(
    source: Source, ledger: Ledger, first: datetime, last: datetime
) -> tuple[dict[str, Counter[str]], Counter[str]]:
    """
    Return counts by hour (``2026-11-27T14``) and outcome, and those of quarantine by reason.

    They are of the hours from *first* to *last*, both UTC.  Hours without a submission are left out.
    A conflict is a duplicate, too.
    """
    since, until = f"{first:%Y-%m-%dT%H}", f"{last + timedelta(hours=1):%Y-%m-%dT%H}"
    hours: dict[str, Counter[str]] = {}
    reasons: Counter[str] = Counter()

    def count(hour: str, outcome: str, number: int = 1, reason: str = "") -> None:
        if since <= hour < until:
            hours.setdefault(hour, Counter())[outcome] += number
            if outcome == "quarantined":
                reasons[reason] += number

    for hour, outcome, reason, number in ledger.refusals_by_hour(since, until):
        count(hour, outcome, number, reason)
        if reason == CONFLICT:
            count(hour, CONFLICT, number)
    days = [day for day in ledger.books() if f"{first:%Y%m%d}" <= day <= f"{last:%Y%m%d}"]
    for day in days:
        for hour, number in _stored_by_hour(source, ledger, day):
            count(hour, "stored", number)
        for reason in WITHOUT_ID:
            for moment in _without_id(source, ledger, day, reason):
                count(moment[:13], "quarantined", reason=reason)
    for moment in source.pending.moments(ledger):
        count(moment[:13], "pending")
    arrivals = (each.received_at for each in source.unread.all(ledger))
    for hour, number in Counter(arrival.isoformat()[:13] for arrival in arrivals).items():
        count(hour, "pending", number)
    return hours, reasons


def _without_id(source: Source, ledger: Ledger, day: str, reason: str) -> Iterator[str]:
    for file in ledger.files(f"quarantine/{day}/{reason}"):
        for fields in refusals_between(source.root.path / file.path, 0, file.length):
            if not _is_in_ledger(fields["document_id"]):
                yield fields["received_at"]


def _is_in_ledger(document_id: str | None) -> bool:
    try:
        return document_id is not None and bool(UUID(document_id))
    except ValueError:
        return False


def _stored_by_hour(source: Source, ledger: Ledger, day: str) -> Iterator[tuple[str, int]]:
    has_tables = find_spec("pyarrow") is not None
    with ledger.snapshot():
        tabled = ledger.table_files("pings", day) if has_tables else []
        files = ledger.tabled(day, behind_only=has_tables)
    for file in tabled:
        yield from _hours_of_part(source, file.path).items()
    behind = source.behind.moments(files, from_start=not has_tables)
    yield from Counter(moment[:13] for moment in behind).items()


def _hours_of_part(source: Source, path: str) -> Counter[str]:
    """Return how many rows a file of the table ``pings`` has by hour; it never changes."""
    known = source.hours_of_parts.get(path)
    if known is None:
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        try:
            with open_stored(source.root.path, path, source.archived) as stream:
                moments = pq.read_table(stream, columns=["submission_timestamp"])
        except FileNotFoundError:  # merged meanwhile; the next answer has it
            return Counter()
        hours = pc.value_counts(pc.strftime(moments["submission_timestamp"], "%Y-%m-%dT%H"))
        known = source.hours_of_parts[path] = Counter(
            {each["values"]: each["counts"] for each in hours.to_pylist()}
        )
    source.hours_of_parts.move_to_end(path)
    while len(source.hours_of_parts) > MAX_PARTS_REMEMBERED:
        source.hours_of_parts.popitem(last=False)
    return known


def submissions_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return all items of ``/api/v1/submissions``, the newest first."""
    first, last = arguments["first"], arguments["last"]
    with source.ledger() as ledger:
        if arguments["by"] == "hour":
            return {"items": _hour_items(source, ledger, first, last)}
        first, last = first[:8], last[:8]
        days = {
            day: books
            for day, books in books_by_day(source, ledger).items()
            if first <= day and (not last or day <= last)
        }
    if arguments["by"] == "day":
        return {"items": [{"day": day, **counts_of(days[day])} for day in sorted(days, reverse=True)]}
    reasons: Counter[str] = Counter()
    for books in days.values():
        reasons.update(books.reasons)
    return {
        "items": [
            {"reason": reason, "quarantined": count} for reason, count in reasons.most_common() if count
        ]
    }


def _hour_items(source: Source, ledger: Ledger, first: str, last: str) -> list[dict[str, Any]]:
    end = datetime.now(UTC).replace(tzinfo=None)
    if last:
        whole = last if "T" in last else f"{last}T23"
        end = min(end, datetime.strptime(whole, "%Y%m%dT%H"))
    begin = end - timedelta(hours=MAX_HOURS - 1)
    if first:
        begin = max(begin, datetime.strptime(first if "T" in first else f"{first}T00", "%Y%m%dT%H"))
    hours: dict[str, Counter[str]] = {}
    if f"{begin:%Y%m%d%H}" <= f"{end:%Y%m%d%H}":
        hours, _ = by_hour(source, ledger, begin, end)
    return [
        {
            "hour": f"{hour}:00:00Z",
            "received": sum(counts[outcome] for outcome in OUTCOMES),
            **{name: counts[name] for name in COLUMNS[1:]},
        }
        for hour, counts in sorted(hours.items(), reverse=True)
    ]
