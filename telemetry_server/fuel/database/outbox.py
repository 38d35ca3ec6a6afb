"""
The outbox: decides which messages go out now, keeps the results of deliveries, and makes digests.

Every function runs within the transaction of its caller; only one notifier works on an outbox at a time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from telemetry_server.fuel.database.engine import insert_of
from telemetry_server.fuel.database.failure_writes import Kind, MessageState
from telemetry_server.fuel.database.tables import deliveries, notifications

HOUR = timedelta(hours=1)
PAGE = 100  # messages that one transaction looks at
DUE, SENT, DEAD = "due", "sent", "dead"  # of a delivery


@dataclass(frozen=True, slots=True)
class MessageLimits:
    """How many messages go out in an hour; further ones wait for a digest."""

    of_installation: int = 5
    in_all: int = 60


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that is due at one sink."""

    notification_id: int
    sink: str
    failures: int
    created_at: datetime  # of the message


def has_work(connection: sa.Connection, now: datetime) -> bool:
    """Return whether a message waits, or a delivery is due."""
    waiting = sa.select(notifications.c.id).where(notifications.c.state == MessageState.WAITING)
    is_due = sa.and_(deliveries.c.state == DUE, deliveries.c.next_try_at <= now)
    due = sa.select(deliveries.c.notification_id).where(is_due)
    return connection.execute(sa.select(sa.or_(waiting.exists(), due.exists()))).scalar_one() in (True, 1)


def release(
    connection: sa.Connection, sinks: Sequence[str], limits: MessageLimits, now: datetime
) -> tuple[int, int]:
    """Make waiting messages due, or hold those past a limit; return how many of each."""
    table = notifications
    query = (
        sa.select(table.c.id, table.c.master_node_uid)
        .where(table.c.state == MessageState.WAITING)
        .order_by(table.c.id)
        .limit(PAGE)
    )
    waiting = connection.execute(query).all()
    due, held = 0, 0
    for number, uid in waiting:
        if _has_room(connection, uid, limits, now):
            _make_due(connection, number, sinks, now)
            due += 1
        else:
            connection.execute(sa.update(table).where(table.c.id == number).values(state=MessageState.HELD))
            held += 1
    return due, held


def make_digests(
    connection: sa.Connection, sinks: Sequence[str], limits: MessageLimits, now: datetime
) -> int:
    """Make a digest of the held messages of each installation that may be written about again."""
    table = notifications
    held = table.c.state == MessageState.HELD
    query = sa.select(table.c.master_node_uid).where(held).group_by(table.c.master_node_uid)
    uids = list(connection.execute(query.order_by(sa.func.min(table.c.id)).limit(PAGE)).scalars())
    made = 0
    for uid in uids:
        if not _has_room(connection, uid, limits, now):
            continue
        of_uid = sa.and_(held, table.c.master_node_uid == uid)
        times = connection.execute(sa.select(sa.func.sum(table.c.times)).where(of_uid)).scalar_one()
        values = {
            "kind": Kind.DIGEST,
            "message_id": str(uuid4()),
            "master_node_uid": uid,
            "created_at": now,
            "state": MessageState.WAITING,
            "times": int(times),
            "times_sent": 0,
        }
        statement = sa.insert(table).values(values).returning(table.c.id)
        number = int(connection.execute(statement).scalar_one())
        connection.execute(
            sa.update(table).where(of_uid).values(state=MessageState.IN_DIGEST, digest_id=number)
        )
        _make_due(connection, number, sinks, now)
        made += 1
    return made


def _has_room(connection: sa.Connection, uid: str, limits: MessageLimits, now: datetime) -> bool:
    table = notifications
    recent = sa.select(sa.func.count()).select_from(table).where(table.c.released_at > now - HOUR)
    if connection.execute(recent).scalar_one() >= limits.in_all:
        return False
    of_uid = recent.where(table.c.master_node_uid == uid)
    return int(connection.execute(of_uid).scalar_one()) < limits.of_installation


def _make_due(connection: sa.Connection, number: int, sinks: Iterable[str], now: datetime) -> None:
    table = notifications
    connection.execute(
        sa.update(table).where(table.c.id == number).values(state=MessageState.DUE, released_at=now)
    )
    _add_deliveries(connection, number, sinks, now)


def _add_deliveries(connection: sa.Connection, number: int, sinks: Iterable[str], now: datetime) -> None:
    rows = [
        {"notification_id": number, "sink": sink, "state": DUE, "failures": 0, "next_try_at": now}
        for sink in sinks
    ]
    connection.execute(insert_of(connection)(deliveries).on_conflict_do_nothing(), rows)


def adopt_sinks(connection: sa.Connection, sinks: Sequence[str], now: datetime) -> None:
    """Give messages that are due to the present *sinks*, and give up their deliveries to other ones."""
    table = deliveries
    others = sa.and_(table.c.state == DUE, table.c.sink.not_in(sinks))
    numbers = list(connection.execute(sa.select(table.c.notification_id).where(others)).scalars())
    for number in sorted(set(numbers)):
        _add_deliveries(connection, number, sinks, now)
    given_up = {"state": DEAD, "last_error": "the sink is not in fuel_notify any more", "ended_at": now}
    connection.execute(sa.update(table).where(others).values(given_up))


def due_deliveries(connection: sa.Connection, now: datetime) -> list[Delivery]:
    """Return deliveries whose time has come, the oldest message first."""
    table = deliveries
    query = (
        sa.select(table.c.notification_id, table.c.sink, table.c.failures, notifications.c.created_at)
        .join(notifications, notifications.c.id == table.c.notification_id)
        .where(table.c.state == DUE, table.c.next_try_at <= now)
        .order_by(table.c.notification_id, table.c.sink)
        .limit(PAGE)
    )
    return [Delivery(*row) for row in connection.execute(query)]


def note_sent(connection: sa.Connection, delivery: Delivery, times: int, now: datetime) -> None:
    """Note that a message which counted *times* reports was delivered."""
    _end(connection, delivery, {"state": SENT, "last_error": None, "ended_at": now})
    table = notifications
    connection.execute(
        sa.update(table).where(table.c.id == delivery.notification_id).values(times_sent=times)
    )
    in_digest = table.c.digest_id == delivery.notification_id
    connection.execute(sa.update(table).where(in_digest).values(times_sent=table.c.times))


def note_failed(
    connection: sa.Connection, delivery: Delivery, reason: str, next_try_at: datetime | None, now: datetime
) -> None:
    """Note a try that failed; without a next one the delivery is given up."""
    failed: dict[str, Any] = {"failures": delivery.failures + 1, "last_error": reason}
    if next_try_at is None:
        failed |= {"state": DEAD, "ended_at": now}
    else:
        failed |= {"next_try_at": next_try_at}
    _end(connection, delivery, failed)


def _end(connection: sa.Connection, delivery: Delivery, values: dict[str, Any]) -> None:
    table = deliveries
    of_message = table.c.notification_id == delivery.notification_id
    connection.execute(sa.update(table).where(of_message, table.c.sink == delivery.sink).values(values))
    states = set(connection.execute(sa.select(table.c.state).where(of_message)).scalars())
    if DUE not in states:
        state = MessageState.SENT if SENT in states else MessageState.DEAD
        is_it = notifications.c.id == delivery.notification_id
        connection.execute(sa.update(notifications).where(is_it).values(state=state))


def try_given_up_again(connection: sa.Connection, now: datetime) -> int:
    """Make every delivery due that was given up; return how many."""
    table = deliveries
    numbers = sa.select(table.c.notification_id).where(table.c.state == DEAD)
    found = list(connection.execute(numbers).scalars())
    due = {"state": DUE, "failures": 0, "next_try_at": now, "ended_at": None}
    changed = connection.execute(sa.update(table).where(table.c.state == DEAD).values(due)).rowcount
    connection.execute(
        sa.update(notifications)
        .where(notifications.c.id.in_(sorted(set(found))))
        .values(state=MessageState.DUE)
    )
    return changed


@dataclass(frozen=True, slots=True)
class OutboxCounts:
    """How many messages are where."""

    open: int  # waiting, held or due
    given_up: int  # deliveries without success
    oldest_open_at: datetime | None


def count_messages(connection: sa.Connection) -> OutboxCounts:
    """Return the counts."""
    table = notifications
    is_open = table.c.state.in_((MessageState.WAITING, MessageState.HELD, MessageState.DUE))
    number, oldest = connection.execute(
        sa.select(sa.func.count(), sa.func.min(table.c.created_at)).where(is_open)
    ).one()
    dead = sa.select(sa.func.count()).select_from(deliveries).where(deliveries.c.state == DEAD)
    return OutboxCounts(number, connection.execute(dead).scalar_one(), oldest)


def open_messages(connection: sa.Connection, limit: int) -> list[dict[str, Any]]:
    """Return messages that wait or were given up, the oldest first, a row for each sink."""
    table = notifications
    is_open = table.c.state.not_in((MessageState.SENT, MessageState.IN_DIGEST))
    of_message = sa.and_(deliveries.c.notification_id == table.c.id, deliveries.c.state != SENT)
    given_up = deliveries.c.state == DEAD
    query = (
        sa.select(
            table.c.created_at,
            table.c.kind,
            table.c.message_id,
            table.c.master_node_uid,
            table.c.times,
            table.c.state,
            deliveries.c.state.label("delivery"),
            deliveries.c.sink,
            deliveries.c.failures,
            deliveries.c.last_error,
        )
        .outerjoin_from(table, deliveries, of_message)
        .where(sa.or_(is_open, given_up))
        .order_by(table.c.id, deliveries.c.sink)
        .limit(limit)
    )
    found = [dict(row._mapping) for row in connection.execute(query)]
    for row in found:
        row["created_at"] = row["created_at"].isoformat()
        row["state"] = row.pop("delivery") or row["state"]
    return found
