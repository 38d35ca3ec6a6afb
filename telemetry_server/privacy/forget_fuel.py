"""
Removes installations from the databases of Fuel-stat: every table with a column for their identifier.

A later document of the same installation is that of a new one.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import orjson
import sqlalchemy as sa

from telemetry_server.fuel.analytics.analytics_database import AnalyticsDatabase
from telemetry_server.fuel.analytics.bookmarks import refuse_loads_under_way
from telemetry_server.fuel.analytics.sources import SOURCES
from telemetry_server.fuel.analytics.tables import metadata as analytics_metadata
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.engine import SQLITE, url_of
from telemetry_server.fuel.database.tables import deliveries, notifications, refused_items
from telemetry_server.fuel.database.tables import metadata as collector_metadata

UID_COLUMNS = ("master_node_uid", "uid")
OrderOf = Callable[[str], int | None]
Removed = Counter[tuple[int, str]]


def uid_tables(metadata: sa.MetaData) -> list[tuple[sa.Table, sa.Column[str]]]:
    """Return every table with a column for the identifier of an installation, and that column."""
    found = []
    for table in metadata.sorted_tables:
        columns = [table.c[name] for name in UID_COLUMNS if name in table.c]
        found += [(table, columns[0])] if columns else []
    return found


def exists(url: str) -> bool:
    """Return whether there is a database at *url*; one of PostgreSQL counts as there."""
    path = sqlite_path(url)
    return path is None or path.exists()


def sqlite_path(url: str) -> Path | None:
    """Return the file of an SQLite database; None for PostgreSQL."""
    parsed = url_of(url)
    return Path(str(parsed.database)) if parsed.get_backend_name() == SQLITE else None


def forget_installations(url: str, order_of: OrderOf, *, is_analytics: bool, changes: bool = True) -> Removed:
    """
    Remove the installations that have an order from the database at *url*, in one transaction.

    Args:
        order_of: Returns the order of an identifier; None if it stays.
        changes: False: only count.

    Returns:
        How many rows went, by order and table.

    Raises:
        DatabaseAway: The database cannot be used now; nothing was changed.
    """
    kind = AnalyticsDatabase if is_analytics else CollectorDatabase
    with closing(kind(url, connections=1)) as database:
        forget = _forget_facts if is_analytics else _forget_documents
        return forget(database, order_of, changes=changes)


def _forget_documents(database: CollectorDatabase, order_of: OrderOf, *, changes: bool) -> Removed:
    tables = uid_tables(collector_metadata)
    wanted = database.read(lambda connection: _wanted(connection, tables, order_of))
    refused = database.read(lambda connection: _refused(connection, order_of))
    if not wanted and not refused:
        return Counter()

    def work(connection: sa.Connection) -> Removed:
        removed = _remove(connection, tables, wanted, changes=changes)
        _remove_refused(connection, refused, removed, changes=changes)
        return removed

    return database.write(work) if changes else database.read(work)


def _forget_facts(database: CollectorDatabase, order_of: OrderOf, *, changes: bool) -> Removed:
    tables = uid_tables(analytics_metadata)

    def work(connection: sa.Connection) -> Removed:
        if changes:
            # An ETL may have read documents before they were removed, and not loaded them yet.
            refuse_loads_under_way(connection, [source.name for source in SOURCES])
        return _remove(connection, tables, _wanted(connection, tables, order_of), changes=changes)

    return database.write(work) if changes else database.read(work)


def _wanted(
    connection: sa.Connection, tables: Iterable[tuple[sa.Table, sa.Column[str]]], order_of: OrderOf
) -> dict[str, int]:
    found: dict[str, int] = {}
    for _, column in tables:
        for uid in connection.execute(sa.select(column).distinct()).scalars():
            order = order_of(uid)
            if order is not None:
                found[uid] = order
    return found


def _remove(
    connection: sa.Connection,
    tables: Iterable[tuple[sa.Table, sa.Column[str]]],
    wanted: dict[str, int],
    *,
    changes: bool,
) -> Removed:
    removed: Removed = Counter()
    for uid, order in wanted.items():
        for table, column in tables:
            if table is notifications and changes:
                ids = sa.select(notifications.c.id).where(notifications.c.master_node_uid == uid)
                connection.execute(sa.delete(deliveries).where(deliveries.c.notification_id.in_(ids)))
            count = sa.select(sa.func.count()).select_from(table).where(column == uid)
            rows = int(connection.execute(count).scalar_one())
            if rows:
                removed[order, f"Fuel {table.name}"] += rows
                if changes:
                    connection.execute(sa.delete(table).where(column == uid))
    return removed


def _refused(connection: sa.Connection, order_of: OrderOf) -> dict[str, int]:
    """Return the refused items of wanted installations: their digests, with the orders."""
    found = {}
    query = sa.select(refused_items.c.digest, refused_items.c.item_key, refused_items.c.item)
    for digest, key, item in connection.execute(query):
        for text in _texts_in(orjson.loads(key), orjson.loads(item)):
            order = order_of(text)
            if order is not None:
                found[digest] = order
    return found


def _texts_in(*values: object) -> Iterable[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from _texts_in(*value.keys(), *value.values())
        elif isinstance(value, list):
            yield from _texts_in(*value)


def _remove_refused(
    connection: sa.Connection, refused: dict[str, int], removed: Removed, *, changes: bool
) -> None:
    for digest, order in refused.items():
        removed[order, f"Fuel {refused_items.name}"] += 1
        if changes:
            connection.execute(sa.delete(refused_items).where(refused_items.c.digest == digest))
