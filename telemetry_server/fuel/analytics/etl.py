"""
Extract, transform, load: makes facts of what has changed in the collector's database.

Documents are read in the order of their change numbers.  Facts and bookmark are committed together, and a
document that is loaded again gives the same facts, so an ETL may be killed at any time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa

from telemetry_server.fuel.analytics.analytics_database import AnalyticsDatabase
from telemetry_server.fuel.analytics.bookmarks import Bookmark, read_bookmark, write_bookmark
from telemetry_server.fuel.analytics.sources import SOURCES, Source
from telemetry_server.fuel.analytics.tables import FACTS, bookmarks
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.engine import SQLITE
from telemetry_server.fuel.database.errors import DatabaseAway

Result = TypeVar("Result")
Write = Callable[[Callable[[sa.Connection], Result]], Result]


class AnotherEtl(Exception):
    """Another process loads the same documents; it goes on with them."""


@dataclass(slots=True)
class EtlResult:
    """What one run did."""

    moved: dict[str, int] = field(default_factory=dict)  # documents of each table
    failed: dict[str, str] = field(default_factory=dict)  # table to the reason


class Etl:
    """
    Moves documents from the collector's database into facts.

    Args:
        collector: Read only; perhaps a replica.
        clock: Returns the moment up to which *collector* has everything.
        on_progress: Called with a table and the documents of it that were moved in this run.
        documents: Of one transaction; for tests.
    """

    def __init__(
        self,
        collector: CollectorDatabase,
        analytics: AnalyticsDatabase,
        clock: Callable[[], datetime],
        *,
        on_progress: Callable[[str, int], None] = lambda _table, _moved: None,
        documents: int | None = None,
        sources: Sequence[Source] = SOURCES,
    ) -> None:
        self._collector = collector
        self._analytics = analytics
        self._clock = clock
        self._on_progress = on_progress
        self.is_stopping = False  # set by others: end after the present transaction
        self._sources = [replace(s, documents=documents) if documents else s for s in sources]

    def run(self) -> EtlResult:
        """
        Load all that has changed.  A table that cannot be loaded keeps no other from it.

        Raises:
            DatabaseAway: One of the databases cannot be used now; what was loaded stays.
        """
        result = EtlResult()
        for source in self._sources:
            try:
                result.moved[source.name] = self._move(source, self._analytics.write)
            except DatabaseAway:
                raise
            except AnotherEtl:
                result.moved.setdefault(source.name, 0)
            except Exception as error:
                result.failed[source.name] = f"{type(error).__name__}: {error}".partition("\n")[0]
        return result

    def rebuild(self) -> EtlResult:
        """
        Make all facts again, in one transaction: readers see the old ones until it ends.

        Raises:
            DatabaseAway: Nothing was changed.
        """

        def work(connection: sa.Connection) -> EtlResult:
            if connection.dialect.name != SQLITE:
                connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            for table in (*FACTS, bookmarks):
                connection.execute(sa.delete(table))

            def write(load: Callable[[sa.Connection], Any]) -> Any:
                return load(connection)

            return EtlResult({source.name: self._move(source, write) for source in self._sources})

        return self._analytics.write(work)

    def _move(self, source: Source, write: Write[Any]) -> int:
        began = self._clock()
        moved = 0
        bookmark: Bookmark = write(partial(read_bookmark, source=source.name))
        while not self.is_stopping:
            page = partial(_next_rows, source=source, after=bookmark.change_number)
            upper, rows = self._collector.read(page)
            if upper is None:
                break
            after = replace(bookmark, change_number=upper)
            write(partial(_load, source=source, rows=rows, before=bookmark, after=after))
            bookmark, moved = after, moved + len(rows)
            self._on_progress(source.name, moved)
        if self.is_stopping:
            return moved
        is_ordered = self._collector.dialect == SQLITE
        if not is_ordered:
            moved += self._move_late(source, write, bookmark)
        end = bookmark.read_until(bookmark.change_number, self._clock(), began, is_ordered=is_ordered)
        write(partial(_load, source=source, rows=[], before=bookmark, after=end))
        return moved

    def _move_late(self, source: Source, write: Write[Any], bookmark: Bookmark) -> int:
        """Load documents whose transactions committed after others with higher numbers."""
        low, high = bookmark.settled_number, bookmark.change_number
        there = self._collector.read(partial(_sums, table=source.table, key=source.key, low=low, high=high))
        if write(partial(_sums, table=source.fact, key=source.fact_key, low=low, high=high)) == there:
            return 0
        moved = 0
        while low < high:
            page = partial(_next_rows, source=source, after=low, until=high)
            upper, rows = self._collector.read(page)
            if upper is None:
                break
            known = write(partial(_known, source=source, low=low, high=upper))
            late = [row for row in rows if tuple(getattr(row, name) for name in source.key) not in known]
            if late:
                write(partial(_load, source=source, rows=late, before=bookmark, after=bookmark))
            moved, low = moved + len(late), upper
        return moved


def _next_rows(
    connection: sa.Connection, source: Source, after: int, until: int | None = None
) -> tuple[int | None, list[Any]]:
    """Return the next rows, all of each change number, and the last number; None at the end."""
    number = source.table.c.change_number
    numbers = sa.select(number).where(number > after)
    if until is not None:
        numbers = numbers.where(number <= until)
    page = numbers.order_by(number).limit(source.documents).subquery()
    upper = connection.execute(sa.select(sa.func.max(page.c.change_number))).scalar()
    if upper is None:
        return None, []
    columns = [source.table.c[name] for name in (*source.key, *source.columns, "change_number")]
    rows = sa.select(*columns).where(number > after, number <= upper)
    return upper, list(connection.execute(rows.order_by(number, *(source.table.c[n] for n in source.key))))


def _load(
    connection: sa.Connection, source: Source, rows: Sequence[Any], before: Bookmark, after: Bookmark
) -> None:
    if read_bookmark(connection, source.name, locks=True) != before:
        raise AnotherEtl
    if rows:
        source.load(connection, rows)
    write_bookmark(connection, after)


def _known(connection: sa.Connection, source: Source, low: int, high: int) -> set[tuple[Any, ...]]:
    number = source.fact.c.change_number
    keys = sa.select(*(source.fact.c[name] for name in source.fact_key))
    return {tuple(row) for row in connection.execute(keys.where(number > low, number <= high))}


def _sums(
    connection: sa.Connection, table: sa.Table, key: Sequence[str], low: int, high: int
) -> tuple[int, int]:
    """Return how many documents there are between two change numbers, and the sum of their numbers."""
    number = table.c.change_number
    inner = sa.select(number, *(table.c[name] for name in key)).where(number > low, number <= high).distinct()
    found = inner.subquery()
    sums = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(found.c.change_number), 0))
    count, total = connection.execute(sums.select_from(found)).one()
    return int(count), int(total)
