"""What is in quarantine: counts by day and reason, and entries."""

import heapq
from collections.abc import Iterator
from typing import Any

import orjson

from storage.ledger.ledger import Ledger
from storage.partitions.frames import read_lines
from telemetry_server.inspection.submission_listing import shown_refusal
from telemetry_server.outcomes.quarantine_line import one_by_one
from telemetry_server.reports.queries.quarantine_counts import files_of, held_by_day
from telemetry_server.reports.queries.source import Source

Key = tuple[str, str, str, str, str]
"""Moment, document id, histogram, reason and place: the place alone tells keys of one histogram apart."""
FIELDS = ("document_id", "received_at", "reason", "detail", "histogram", "namespace", "doctype", "path")


def quarantine_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of ``/api/v1/quarantine``: entries the newest first, its cursor as a list."""
    reason, histogram, limit = arguments["reason"], arguments["histogram"], arguments["limit"]
    after = None if arguments["after"] is None else tuple(arguments["after"])
    found: list[tuple[Key, dict[str, Any]]] = []
    with source.ledger() as ledger:
        held = held_by_day(ledger, files_of(ledger, {**arguments, "histogram": ""}))
        for day in sorted({day for day, _ in held}, reverse=True):
            if after is not None and day > str(after[0])[:10].replace("-", ""):
                continue
            entries = _entries(source, ledger, day, reason, with_bodies=arguments["with_bodies"])
            wanted = (
                (key, entry)
                for key, entry in entries
                if (after is None or key < after) and histogram in ("", entry["histogram"])
            )
            found += heapq.nlargest(limit + 1 - len(found), wanted, key=lambda each: each[0])
            if len(found) > limit:
                break
    in_order = sorted(held.items(), key=lambda each: (-int(each[0][0]), each[0][1]))
    return {
        "counts": [{"day": day, "reason": of_reason, "count": count} for (day, of_reason), count in in_order],
        "items": [entry for _, entry in found[:limit]],
        "next": found[limit - 1][0] if len(found) > limit else None,
    }


def _entries(
    source: Source, ledger: Ledger, day: str, reason: str, *, with_bodies: bool
) -> Iterator[tuple[Key, dict[str, Any]]]:
    for file in ledger.files(f"quarantine/{day}/{reason}" if reason else f"quarantine/{day}"):
        try:
            stream = (source.root.path / file.path).open("rb")
        except FileNotFoundError:  # merged or expired meanwhile
            continue
        with stream:
            for number, line in enumerate(read_lines(stream, file.length)):
                for index, fields in enumerate(one_by_one(orjson.loads(line.partition(b"\t")[2]))):
                    place = f"{file.name} {number:010} {index:06}"
                    yield _key(fields, place), _entry(fields, with_bodies=with_bodies)


def _key(fields: dict[str, Any], place: str) -> Key:
    moment, document_id, histogram, reason = (
        str(fields.get(name) or "") for name in ("received_at", "document_id", "histogram", "reason")
    )
    return moment, document_id, histogram, reason, place


def _entry(fields: dict[str, Any], *, with_bodies: bool) -> dict[str, Any]:
    entry = {name: fields.get(name) for name in FIELDS}
    if with_bodies:
        shown = shown_refusal(fields)
        entry |= {name: shown[name] for name in ("body", "body_base64") if name in shown}
    return entry
