"""Remembers how far each table of the collector has been read."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

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


def data_through(connection: sa.Connection, sources: int) -> datetime | None:
    """Return the moment up to which all *sources* have been read; None before that."""
    found = [moment for (moment,) in connection.execute(sa.select(bookmarks.c.read_at))]
    moment = min(found, default=_LONG_AGO)
    return moment if len(found) >= sources and moment > _LONG_AGO else None
