"""Documents in a state file: recorded once, kept after they were sent, sent again when they change."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

import orjson

from telemetry_server.fuel.sender_state.state_file import StateFile

MAX_ROWS = 100_000  # of one kind
KEPT_DAYS = {"action_logs": 30, "ostf_runs": 30, "oswl_stats": 14, "failure_reports": 30}
MAX_REFUSALS = 3  # of a request with this document alone
MAX_FAILURES = 10  # of the document in an accepted request
DROPPED = "dropped_documents"


class Kind(StrEnum):
    """A kind of document, named like its endpoint."""

    ACTION_LOGS = "action_logs"
    OSWL_STATS = "oswl_stats"
    OSTF_RUNS = "ostf_runs"
    FAILURE_REPORTS = "failure_reports"


@dataclass(frozen=True, slots=True)
class Document:
    """A document that waits to be sent."""

    cluster_id: int
    external_id: int
    item: dict[str, Any]  # as recorded: nothing of it is sent unchecked
    revision: int


_COLUMNS = "cluster_id, external_id, item, revision"


def next_id(connection: sqlite3.Connection, kind: Kind) -> int:
    """Return the next free id of *kind*; ids are never used twice, also not after a removal."""
    name = f"newest_id:{kind}"
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    newest = int(row[0]) if row else 0
    _note_id(connection, kind, newest + 1)
    return newest + 1


def _note_id(connection: sqlite3.Connection, kind: Kind, external_id: int) -> None:
    connection.execute(
        "INSERT INTO facts (name, value) VALUES (?1, ?2)"
        " ON CONFLICT (name) DO UPDATE SET value = max(CAST(value AS INTEGER), ?2)",
        (f"newest_id:{kind}", external_id),
    )


def put(
    connection: sqlite3.Connection,
    kind: Kind,
    item: dict[str, Any],
    *,
    external_id: int,
    day: date,
    recorded_on: date | None = None,
    cluster_id: int = 0,
    is_complete: bool = True,
) -> None:
    """
    Store *item*; one that is known and differs is unsent again.

    Args:
        day: The day that it is about: a workload of today is still changing.
        recorded_on: Today, if that is another day.
    """
    _note_id(connection, kind, external_id)
    text = orjson.dumps(item, option=orjson.OPT_SORT_KEYS).decode()
    connection.execute(
        "INSERT INTO documents (kind, cluster_id, external_id, item, day, recorded_on, is_complete)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (kind, external_id, cluster_id) DO UPDATE SET item = excluded.item, day = excluded.day,"
        " recorded_on = excluded.recorded_on, is_complete = excluded.is_complete, is_sent = 0,"
        " is_quarantined = 0, refusals = 0, failures = 0,"
        " revision = revision + 1"
        " WHERE documents.item <> excluded.item OR documents.is_complete <> excluded.is_complete",
        (kind, cluster_id, external_id, text, day.isoformat(), (recorded_on or day).isoformat(), is_complete),
    )


def stored_item(connection: sqlite3.Connection, kind: Kind, external_id: int) -> dict[str, Any] | None:
    """Return the item of one document; None if it is unknown."""
    query = "SELECT item FROM documents WHERE kind = ? AND external_id = ?"
    row = connection.execute(query, (kind, external_id)).fetchone()
    return None if row is None else orjson.loads(row[0])


def batches(state: StateFile, kind: Kind, size: int, *, last_day: date) -> Iterator[list[Document]]:
    """
    Yield all documents that are due, in batches of *size*, ordered by id.

    What is sent meanwhile does not move the pages: each begins after the last id of the one before.

    Args:
        last_day: Documents of later days are still changing.
    """
    after = (-(2**63), -(2**63))
    query = (
        f"SELECT {_COLUMNS} FROM documents WHERE kind = ? AND is_sent = 0 AND is_quarantined = 0"  # noqa: S608
        " AND is_complete = 1 AND day <= ? AND (external_id, cluster_id) > (?, ?)"
        " ORDER BY external_id, cluster_id LIMIT ?"
    )
    while True:
        rows = state.connection().execute(query, (kind, last_day.isoformat(), *after, size)).fetchall()
        if not rows:
            return
        found = [
            Document(cluster, number, orjson.loads(item), revision)
            for cluster, number, item, revision in rows
        ]
        after = (found[-1].external_id, found[-1].cluster_id)
        yield found


def mark_sent(state: StateFile, kind: Kind, documents: Sequence[Document]) -> None:
    """Mark *documents* as sent, but for those that have changed since they were read."""
    _update(state, kind, documents, "is_sent = 1, failures = 0, refusals = 0")


def mark_failed(state: StateFile, kind: Kind, documents: Sequence[Document]) -> None:
    """Count that the collector accepted the request and not these *documents*."""
    _update(
        state, kind, documents, f"failures = failures + 1, is_quarantined = failures + 1 >= {MAX_FAILURES}"
    )


def mark_refused(state: StateFile, kind: Kind, document: Document) -> None:
    """Count that a request with *document* alone was refused."""
    _update(
        state, kind, [document], f"refusals = refusals + 1, is_quarantined = refusals + 1 >= {MAX_REFUSALS}"
    )


def _update(state: StateFile, kind: Kind, documents: Sequence[Document], change: str) -> None:
    if not documents:
        return
    with state.writing() as connection:
        connection.executemany(
            f"UPDATE documents SET {change}"  # noqa: S608
            " WHERE kind = ? AND external_id = ? AND cluster_id = ? AND revision = ?",
            [(kind, d.external_id, d.cluster_id, d.revision) for d in documents],
        )


def unsent(state: StateFile, kind: Kind) -> int:
    """Return how many documents of *kind* wait, unfinished tasks among them."""
    query = "SELECT count(*) FROM documents WHERE kind = ? AND is_sent = 0 AND is_quarantined = 0"
    return int(state.connection().execute(query, (kind,)).fetchone()[0])


def quarantined(state: StateFile) -> int:
    """Return how many documents are not sent any more because they were refused."""
    query = "SELECT count(*) FROM documents WHERE is_quarantined = 1"
    return int(state.connection().execute(query).fetchone()[0])


def newest(state: StateFile, kind: Kind, limit: int) -> list[tuple[dict[str, Any], bool]]:
    """Return the newest documents of *kind*, oldest first, each with whether it was sent."""
    query = "SELECT item, is_sent FROM documents WHERE kind = ? ORDER BY external_id DESC LIMIT ?"
    rows = state.connection().execute(query, (kind, limit)).fetchall()
    return [(orjson.loads(item), bool(is_sent)) for item, is_sent in rows[::-1]]


def remove_old(state: StateFile, today: date) -> int:
    """Remove documents past their time, and the oldest past `MAX_ROWS`; return how many were never sent."""
    dropped = 0
    for kind in Kind:
        before = (today - timedelta(days=KEPT_DAYS[kind])).isoformat()
        with state.writing() as connection:
            surplus = (
                "SELECT external_id FROM documents WHERE kind = ? ORDER BY external_id DESC LIMIT 1 OFFSET ?"
            )
            row = connection.execute(surplus, (kind, MAX_ROWS - 1)).fetchone()
            oldest = row[0] if row else -(2**63)
            condition = "kind = ? AND (recorded_on < ? OR external_id < ?)"
            count = f"SELECT count(*) FROM documents WHERE is_sent = 0 AND {condition}"  # noqa: S608
            dropped += connection.execute(count, (kind, before, oldest)).fetchone()[0]
            connection.execute(f"DELETE FROM documents WHERE {condition}", (kind, before, oldest))  # noqa: S608
    if dropped:
        state.add_to_fact(DROPPED, dropped)
    return dropped
