"""Queries for the submissions that wait for definitions."""

import sqlite3
from collections.abc import Sequence

from storage.ledger.values import PendingPing

_SELECT = (
    "SELECT pending_id, name, offset, length, day, revision, document_id"
    " FROM pending JOIN segments USING (segment_id)"
)


def pending(
    connection: sqlite3.Connection, revisions: Sequence[str] | None, since_before: int | None
) -> list[PendingPing]:
    """Return the waiting submissions, in the order in which they began to wait; see `Ledger.pending`."""
    conditions = [] if revisions is None else [f"revision IN ({','.join('?' * len(revisions))})"]
    conditions += [] if since_before is None else [f"since <= {int(since_before)}"]
    return _pending_where(connection, " AND ".join(conditions) or "TRUE", *(revisions or ()))


def newest(connection: sqlite3.Connection, limit: int) -> list[PendingPing]:
    """Return the last *limit* waiting submissions."""
    return _pending_where(connection, "pending_id > (SELECT max(pending_id) FROM pending) - ?", limit)


def in_segment(connection: sqlite3.Connection, segment: str, start: int) -> list[PendingPing]:
    """Return the waiting submissions of *segment* from offset *start* on."""
    return _pending_where(connection, "name = ? AND offset >= ?", segment, start)


def _pending_where(connection: sqlite3.Connection, condition: str, *values: str | int) -> list[PendingPing]:
    query = f"{_SELECT} WHERE {condition} ORDER BY pending_id"
    return [PendingPing(*row) for row in connection.execute(query, values)]


def count(connection: sqlite3.Connection) -> int:
    """Return how many submissions wait."""
    (number,) = connection.execute("SELECT count(*) FROM pending").fetchone()
    return int(number)


def waiting_since(connection: sqlite3.Connection) -> int | None:
    """Return when the longest wait began, in s since 1970; None if nothing waits."""
    (since,) = connection.execute("SELECT min(since) FROM pending").fetchone()
    return None if since is None else int(since)


def awaited_revisions(connection: sqlite3.Connection, after: str, limit: int) -> list[str]:
    """Return up to *limit* awaited revisions greater than *after*, sorted."""
    rows = connection.execute(
        "SELECT DISTINCT revision FROM pending WHERE revision > ? ORDER BY revision LIMIT ?",
        (after, limit),
    )
    return [revision for (revision,) in rows]


def most_awaited_revisions(connection: sqlite3.Connection, limit: int) -> list[str]:
    """Return up to *limit* revisions, the most awaited first; of equals the older first."""
    rows = connection.execute(
        "SELECT revision FROM pending WHERE revision <> '' GROUP BY revision"
        " ORDER BY count(*) DESC, min(pending_id) LIMIT ?",
        (limit,),
    )
    return [revision for (revision,) in rows]


def segments(connection: sqlite3.Connection) -> set[str]:
    """Return the names of the segments that hold waiting submissions."""
    rows = connection.execute("SELECT DISTINCT name FROM pending JOIN segments USING (segment_id)")
    return {name for (name,) in rows}
