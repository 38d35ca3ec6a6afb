"""Queries for outcomes: all of one document id, and those of a day that were not stored."""

import sqlite3
from collections.abc import Collection, Iterator

from storage.ledger.removed_days import REMOVED_FOLDER
from storage.ledger.values import IdOutcome

RECORD_REMOVED = "its record was removed after record_retention_days"


def outcomes_of_id(connection: sqlite3.Connection, document_id: bytes) -> list[IdOutcome]:
    """Return the outcomes of an id: stored first, then pending, then refused ones, latest first."""
    execute = connection.execute
    stored = [
        _file_outcome(directory, namespace, doctype)
        for directory, namespace, doctype in execute(
            "SELECT directory, namespace, doctype FROM seen JOIN scopes USING (scope_id)"
            " JOIN directories USING (directory_id) WHERE document_id = ?",
            (document_id,),
        )
    ]
    pending = [
        IdOutcome("pending", detail=revision, segment=segment, offset=offset, length=length)
        for revision, segment, offset, length in execute(
            "SELECT revision, name, offset, length FROM pending JOIN segments USING (segment_id)"
            " WHERE document_id = ?",
            (document_id,),
        )
    ]
    refused = [
        IdOutcome(outcome, reason, detail, received_at)
        for outcome, reason, detail, received_at in execute(
            "SELECT outcome, reason, detail, received_at FROM refused"
            " WHERE document_id = ? ORDER BY rowid DESC",
            (document_id,),
        )
    ]
    return [*stored, *pending, *refused]


def _file_outcome(directory: str, namespace: str, doctype: str) -> IdOutcome:
    if directory.startswith(f"{REMOVED_FOLDER}/"):
        return IdOutcome("deleted", detail=RECORD_REMOVED, namespace=namespace, doctype=doctype)
    return IdOutcome("stored", directory=directory, namespace=namespace, doctype=doctype)


def refusals_of_day(
    connection: sqlite3.Connection, day: str, outcomes: Collection[str]
) -> Iterator[tuple[bytes, IdOutcome]]:
    """Yield id and outcome of the submissions of *day* (YYYYMMDD) that have one of *outcomes*."""
    first = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    rows = connection.execute(
        "SELECT document_id, outcome, reason, detail, received_at FROM refused"  # noqa: S608
        f" WHERE received_at >= ? AND received_at < ? AND outcome IN ({','.join('?' * len(outcomes))})",
        (f"{first}T", f"{first}U", *outcomes),
    )
    for document_id, outcome, reason, detail, received_at in rows:
        yield document_id, IdOutcome(outcome, reason, detail, received_at)


def refusals_by_hour(
    connection: sqlite3.Connection, since: str, until: str
) -> list[tuple[str, str, str, int]]:
    """Return hour (``2026-11-27T14``), outcome, reason and count of what was not stored in a span."""
    rows = connection.execute(
        "SELECT substr(received_at, 1, 13), outcome, reason, count(*) FROM refused"
        " WHERE received_at >= ? AND received_at < ? GROUP BY 1, 2, 3",
        (since, until),
    )
    return [(hour, outcome, reason, count) for hour, outcome, reason, count in rows]
