"""Keeps refused items with their reason, and lists them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson
import sqlalchemy as sa

from telemetry_server.fuel.database.engine import insert_of
from telemetry_server.fuel.database.tables import refused_items
from telemetry_server.fuel.documents.rows import Refused

KEPT_DAYS = 30
MAX_KEPT_ITEMS = 100_000


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """An item that was refused, as `fuel failed` shows it."""

    received_at: datetime
    last_received_at: datetime
    times: int
    doctype: str
    key: list[Any]  # what could be read of it, the uid first
    reason: str
    item: Any


def write_refused(connection: sa.Connection, refused: Sequence[Refused], now: datetime) -> None:
    """Keep *refused* items; one that was sent before is counted."""
    if not refused:
        return
    insert = insert_of(connection)(refused_items)
    statement = insert.on_conflict_do_update(
        index_elements=[refused_items.c.digest],
        set_={
            "times": refused_items.c.times + insert.excluded.times,
            "last_received_at": insert.excluded.last_received_at,
        },
    )
    rows: dict[str, dict[str, Any]] = {}
    for entry in refused:
        text = "\0".join((entry.doctype, entry.reason, entry.item))
        digest = sha256(text.encode()).hexdigest()
        if digest in rows:
            rows[digest]["times"] += 1
            continue
        rows[digest] = {
            "digest": digest,
            "received_at": now,
            "last_received_at": now,
            "times": 1,
            "doctype": str(entry.doctype),
            "item_key": orjson.dumps(entry.key).decode(),
            "reason": entry.reason,
            "item": entry.item,
        }
    connection.execute(statement, [rows[digest] for digest in sorted(rows)])


def list_refused(connection: sa.Connection, limit: int) -> list[RefusedItem]:
    """Return the newest refused items, at most *limit*, oldest first."""
    table = refused_items
    columns = (
        table.c.received_at,
        table.c.last_received_at,
        table.c.times,
        table.c.doctype,
        table.c.item_key,
        table.c.reason,
        table.c.item,
    )
    query = sa.select(*columns).order_by(table.c.last_received_at.desc(), table.c.digest).limit(limit)
    found = [
        RefusedItem(first, last, times, doctype, orjson.loads(key), reason, orjson.loads(item))
        for first, last, times, doctype, key, reason, item in connection.execute(query)
    ]
    return found[::-1]


def remove_old_refused(connection: sa.Connection, now: datetime) -> int:
    """Remove items that were last refused `KEPT_DAYS` ago, and the oldest past `MAX_KEPT_ITEMS`."""
    table = refused_items
    too_old = sa.delete(table).where(table.c.last_received_at < now - timedelta(days=KEPT_DAYS))
    removed = connection.execute(too_old).rowcount
    newest = (
        sa.select(table.c.digest)
        .order_by(table.c.last_received_at.desc(), table.c.digest)
        .offset(MAX_KEPT_ITEMS)
    )
    surplus = list(connection.execute(newest).scalars())
    for start in range(0, len(surplus), 500):
        connection.execute(sa.delete(table).where(table.c.digest.in_(surplus[start : start + 500])))
    return removed + len(surplus)
