"""Quarantine over time: counts by day or hour, the newest sample of each reason, schema violations."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import orjson

from storage.ledger.ledger import Ledger
from storage.ledger.values import Entry, StoredFile
from storage.partitions.frames import read_lines
from telemetry_server.outcomes.outcome import HistogramReason, QuarantineReason
from telemetry_server.outcomes.quarantine_line import one_by_one
from telemetry_server.outcomes.timestamps import timestamp
from telemetry_server.reports.queries.quarantine_files import Detail
from telemetry_server.reports.queries.source import Source

MAX_VIOLATIONS = 100
SAMPLE_FIELDS = ("document_id", "received_at", "reason", "detail", "histogram", "namespace", "doctype")
Counts = Counter[tuple[str, str]]
"""Pings or dropped histograms by day (YYYYMMDD) or hour (2026-11-27T14), and by reason."""
HISTOGRAM_REASONS = frozenset(HistogramReason)


def quarantine_counts_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return all items of ``/api/v1/quarantine/counts``, the newest first."""
    with source.ledger() as ledger:
        files = list(files_of(ledger, arguments))
        counts = _counted(source, ledger, files, arguments["by"], arguments["histogram"])
    items = [_item(when, reason, count) for (when, reason), count in counts.items() if count]
    items.sort(key=lambda item: (item["hour"] or item["day"], item["reason"]), reverse=True)
    return {"items": items}


def quarantine_samples_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the count of each reason and its newest line; what the first look at quarantine shows."""
    held: Counter[str] = Counter()
    newest_day: dict[str, str] = {}
    samples: dict[str, tuple[str, dict[str, Any]]] = {}
    with source.ledger() as ledger:
        files = list(files_of(ledger, arguments))
        for (day, reason), count in held_by_day(ledger, files).items():
            held[reason] += count
            newest_day[reason] = max(day, newest_day.get(reason, ""))
        for file in files:
            reason = _reason_of(file)
            if _day_of(file) == newest_day[reason]:
                lines = source.quarantine_files.held(file)
                if lines.newest_at >= samples.get(reason, ("", {}))[0]:
                    samples[reason] = lines.newest_at, lines.newest
    return {
        "as_of": timestamp(datetime.now(UTC)),
        "reasons": [
            {
                "reason": reason,
                "of": "histograms" if reason in HISTOGRAM_REASONS else "pings",
                "count": count,
                "newest": {name: samples[reason][1].get(name) for name in SAMPLE_FIELDS},
            }
            for reason, count in held.most_common()
            if count
        ],
    }


def schema_violations(source: Source, ledger: Ledger, first: str, last: str) -> list[dict[str, Any]]:
    """Return the most frequent schema violations in quarantine, by doctype and what is wrong."""
    details: Counter[Detail] = Counter()
    wanted = {"first_day": first, "last_day": last, "reason": QuarantineReason.SCHEMA_VIOLATION.value}
    for file in files_of(ledger, {**wanted, "histogram": ""}):
        details.update(source.quarantine_files.held(file).details)
    return [
        {"namespace": namespace, "doctype": doctype, "detail": detail, "pings": count}
        for (namespace, doctype, detail), count in details.most_common(MAX_VIOLATIONS)
    ]


def held_by_day(ledger: Ledger, files: Iterable[StoredFile]) -> Counts:
    """Return counts by day; *files* are all of each day and reason, or none."""
    counts: Counts = Counter()
    booked = ledger.tally()
    for file in files:
        day, reason = _day_of(file), _reason_of(file)
        if reason in HISTOGRAM_REASONS:  # a line may hold many
            counts[day, reason] = booked.get((day, Entry.HISTOGRAM_DROPPED, reason), 0)
        else:
            counts[day, reason] += file.records
    return counts


def files_of(ledger: Ledger, wanted: dict[str, Any]) -> Iterator[StoredFile]:
    """Yield the files of the days and the reason that are wanted; those of histograms if one is."""
    first, last, reason = wanted["first_day"], wanted["last_day"], wanted["reason"]
    for file in ledger.files("quarantine"):
        if wanted["histogram"] and _reason_of(file) not in HISTOGRAM_REASONS:
            continue
        day = _day_of(file)
        if first <= day and (not last or day <= last) and reason in ("", _reason_of(file)):
            yield file


def _counted(source: Source, ledger: Ledger, files: list[StoredFile], by: str, histogram: str) -> Counts:
    if by == "day" and not histogram:
        return held_by_day(ledger, files)
    counts: Counts = Counter()
    for file in files:
        reason, day = _reason_of(file), _day_of(file)
        if histogram:
            for moment in _moments_of_histogram(source, file, histogram):
                counts[moment[:13] if by == "hour" else day, reason] += 1
        else:
            for hour, number in source.quarantine_files.held(file).hours.items():
                counts[hour, reason] += number
    return counts


def _moments_of_histogram(source: Source, file: StoredFile, histogram: str) -> Iterator[str]:
    try:
        stream = (source.root.path / file.path).open("rb")
    except FileNotFoundError:  # merged or expired meanwhile
        return
    with stream:
        for line in read_lines(stream, file.length):
            for fields in one_by_one(orjson.loads(line.partition(b"\t")[2])):
                if fields.get("histogram") == histogram:
                    yield fields["received_at"]


def _item(when: str, reason: str, count: int) -> dict[str, Any]:
    day = when[:10].replace("-", "")
    hour = f"{when}:00:00Z" if "T" in when else None
    return {"day": day, "hour": hour, "reason": reason, "count": count}


def _reason_of(file: StoredFile) -> str:
    return file.directory.split("/")[2]


def _day_of(file: StoredFile) -> str:
    return file.directory.split("/")[1]
