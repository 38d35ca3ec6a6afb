"""Remembers how far each table of the collector has been read."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from telemetry_server.fuel.analytics.tables import bookmarks
from telemetry_server.fuel.database.engine import POSTGRESQL, insert_of

# The time after which no transaction that took its number before is still open, and a replica shows it.
SETTLE_SECONDS = 600.0
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Bookmark:
    """How far one table has been read."""

    source: str
    change_number: int = 0
    settled_number: int = 0
    candidate_number: int = 0
    candidate_at: datetime = _LONG_AGO
    read_at: datetime = _LONG_AGO

    def read_until(
        self, change_number: int, now: datetime, began: datetime, *, is_ordered: bool
    ) -> "Bookmark":
        """
        Return the bookmark after all that was there at *now* is loaded.

        Args:
            began: When the reading began: all that was committed before is loaded.
            is_ordered: Transactions commit in the order of their numbers.
        """
        settled, candidate, candidate_at = self.settled_number, self.candidate_number, self.candidate_at
        if is_ordered:
            settled = candidate = change_number
            candidate_at = now
        elif now - candidate_at >= timedelta(seconds=SETTLE_SECONDS):
            settled, candidate, candidate_at = candidate, change_number, now
        return Bookmark(self.source, change_number, settled, candidate, candidate_at, began)


def read_bookmark(connection: sa.Connection, source: str, *, locks: bool = False) -> Bookmark:
    """Return the bookmark of *source*; with *locks* no other process moves it before the commit."""
    query = sa.select(*bookmarks.columns).where(bookmarks.c.source == source)
    if locks and connection.dialect.name == POSTGRESQL:
        query = query.with_for_update()
    row = connection.execute(query).one_or_none()
    return Bookmark(source) if row is None else Bookmark(*row)


def write_bookmark(connection: sa.Connection, bookmark: Bookmark) -> None:
    """Store *bookmark*."""
    insert = insert_of(connection)(bookmarks)
    values = asdict(bookmark)
    statement = insert.on_conflict_do_update(index_elements=["source"], set_=values)
    connection.execute(statement, values)


def refuse_loads_under_way(connection: sa.Connection, sources: Iterable[str]) -> None:
    """
    Change the bookmarks of *sources*, so that an ETL that has read documents but not loaded them reads again.

    It waits until a running rebuild ends.
    """
    for source in sources:
        first = insert_of(connection)(bookmarks).values(asdict(Bookmark(source)))
        connection.execute(first.on_conflict_do_nothing())
        there = read_bookmark(connection, source, locks=True)
        write_bookmark(
            connection, replace(there, candidate_at=there.candidate_at + timedelta(microseconds=1))
        )


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the facts are complete."""

    read_at: datetime | None  # the earliest of all sources; None: nothing was read
    sources: int  # that were read

    def through(self, sources: int) -> datetime | None:
        """Return the moment up to which all *sources* have been read; None before that."""
        is_whole = self.sources >= sources and self.read_at is not None and self.read_at > _LONG_AGO
        return self.read_at if is_whole else None


Run = Callable[[str, Mapping[str, object]], list[dict[str, Any]]]  # statement and values to rows


def data_through(run: Run, sources: int) -> datetime | None:
    """Return the moment up to which all *sources* have been read; None before that."""
    return with_mark(run, "SELECT 1 AS one", {})[0].through(sources)


# Around a statement, so that it gives the mark as well; without rows of its own it gives one row.
MARK_BEFORE = (
    "SELECT mark.mark_read_at, mark.mark_sources, found.* FROM"
    " (SELECT min(read_at) AS mark_read_at, count(*) AS mark_sources FROM bookmarks) AS mark"
    " LEFT JOIN (SELECT 1 AS mark_is_row, answered.* FROM ("
)
MARK_AFTER = ") AS answered) AS found ON 1 = 1"


def with_mark(run: Run, statement: str, values: Mapping[str, object]) -> tuple[Mark, list[dict[str, Any]]]:
    """Return the mark and the rows of *statement*, in any order, as one statement finds them."""
    found = run(f"{MARK_BEFORE}{statement}{MARK_AFTER}", values)
    mark = Mark(_moment(found[0]["mark_read_at"]), found[0]["mark_sources"])
    rows = [row for row in found if row.pop("mark_is_row") is not None]
    for row in rows:
        del row["mark_read_at"], row["mark_sources"]
    return mark, rows


def _moment(value: datetime | str | None) -> datetime | None:
    """Return a moment as a database gives it: SQLite as a text without its zone."""
    if isinstance(value, str):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return None if value is None else value.astimezone(UTC)
