"""Reads failure reports: for a message about them, and for support's list."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa

from telemetry_server.fuel.database.failure_filter import FailureFilter
from telemetry_server.fuel.database.failure_writes import Kind
from telemetry_server.fuel.database.tables import (
    contacts,
    deliveries,
    failure_reports,
    notifications,
)

MAX_IN_MESSAGE = 50  # failures that a digest names


@dataclass(frozen=True, slots=True)
class StoredFailure:
    """A failure report as it is stored."""

    report_id: str
    master_node_uid: str
    cluster_id: int | None
    operation: str | None
    external_id: int | None
    occurred_at: datetime | None
    received_at: datetime
    error: dict[str, Any]
    environment: dict[str, Any]
    notification_id: int
    key_id: str | None  # None: the contact was removed
    sealed: bytes | None


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message with the failures that it is about."""

    kind: Kind
    message_id: str
    master_node_uid: str
    created_at: datetime
    times: int
    earlier_times: int  # of the same failure since the message before, which did not count them
    failures: tuple[tuple[StoredFailure, int], ...]  # each with its number of reports


def message_of(connection: sa.Connection, number: int) -> StoredMessage:
    """Return the message with this number."""
    table = notifications
    columns = (
        table.c.kind,
        table.c.message_id,
        table.c.master_node_uid,
        table.c.created_at,
        table.c.times,
        table.c.failure_group,
    )
    kind, message_id, uid, created_at, times, group = connection.execute(
        sa.select(*columns).where(table.c.id == number)
    ).one()
    earlier = 0
    parts = [(message_id, times)]
    if kind == Kind.DIGEST:
        of_digest = sa.select(table.c.message_id, table.c.times).where(table.c.digest_id == number)
        parts = [
            tuple(row) for row in connection.execute(of_digest.order_by(table.c.id).limit(MAX_IN_MESSAGE))
        ]
    else:
        before = (
            sa.select(table.c.times - table.c.times_sent)
            .where(table.c.failure_group == group, table.c.id < number, table.c.times_sent > 0)
            .order_by(table.c.id.desc())
            .limit(1)
        )
        earlier = int(connection.execute(before).scalar() or 0)
    found = {failure.report_id: failure for failure in _with_ids(connection, [part[0] for part in parts])}
    failures = tuple((found[report_id], count) for report_id, count in parts if report_id in found)
    return StoredMessage(Kind(kind), message_id, uid, created_at, times, earlier, failures)


_COLUMNS = (
    failure_reports.c.report_id,
    failure_reports.c.master_node_uid,
    failure_reports.c.cluster_id,
    failure_reports.c.operation,
    failure_reports.c.external_id,
    failure_reports.c.occurred_at,
    failure_reports.c.received_at,
    failure_reports.c.body,
    failure_reports.c.notification_id,
    contacts.c.key_id,
    contacts.c.sealed,
)
_SELECT = sa.select(*_COLUMNS).outerjoin_from(
    failure_reports, contacts, contacts.c.owner == failure_reports.c.report_id
)


def _with_ids(connection: sa.Connection, report_ids: Iterable[str]) -> list[StoredFailure]:
    query = _SELECT.where(failure_reports.c.report_id.in_(list(report_ids)))
    return [_failure(row) for row in connection.execute(query)]


def _failure(row: Any) -> StoredFailure:
    content = orjson.loads(row.body)
    return StoredFailure(
        row.report_id,
        row.master_node_uid,
        row.cluster_id,
        row.operation,
        row.external_id,
        row.occurred_at,
        row.received_at,
        content["error"],
        content["environment"],
        row.notification_id,
        row.key_id,
        None if row.sealed is None else bytes(row.sealed),
    )


@dataclass(frozen=True, slots=True)
class MessageProgress:
    """Where the message about a failure is."""

    state: str
    times: int
    sinks: tuple[dict[str, Any], ...]


def list_failures(
    connection: sa.Connection, wanted: FailureFilter, limit: int
) -> list[tuple[StoredFailure, MessageProgress | None]]:
    """Return failures, the newest first, each with where its message is."""
    table = failure_reports
    query = _SELECT.order_by(table.c.received_at.desc(), table.c.report_id.desc()).limit(limit)
    if wanted.report_id:
        query = query.where(table.c.report_id == wanted.report_id)
    if wanted.master_node_uid:
        query = query.where(table.c.master_node_uid == wanted.master_node_uid)
    if wanted.first is not None:
        query = query.where(table.c.received_at >= wanted.first)
    if wanted.before is not None:
        query = query.where(table.c.received_at < wanted.before)
    if wanted.after is not None:
        moment, report_id = wanted.after
        is_older = table.c.received_at < moment
        query = query.where(
            sa.or_(is_older, sa.and_(table.c.received_at == moment, table.c.report_id < report_id))
        )
    failures = [_failure(row) for row in connection.execute(query)]
    progress = _progress(connection, {failure.notification_id for failure in failures})
    return [(failure, progress.get(failure.notification_id)) for failure in failures]


def _progress(connection: sa.Connection, numbers: Iterable[int]) -> dict[int, MessageProgress]:
    table = notifications
    columns = (table.c.id, table.c.state, table.c.times, table.c.digest_id)
    messages = connection.execute(sa.select(*columns).where(table.c.id.in_(sorted(numbers)))).all()
    carriers = {number: digest_id or number for number, _, _, digest_id in messages}
    sinks: dict[int, list[dict[str, Any]]] = {}
    names = (
        deliveries.c.notification_id,
        deliveries.c.sink,
        deliveries.c.state,
        deliveries.c.failures,
        deliveries.c.last_error,
        deliveries.c.ended_at,
    )
    query = sa.select(*names).where(deliveries.c.notification_id.in_(sorted(set(carriers.values()))))
    for number, sink, state, failures, last_error, ended_at in connection.execute(query.order_by(names[1])):
        sinks.setdefault(number, []).append(
            {
                "sink": sink,
                "state": state,
                "failures": failures,
                "last_error": last_error,
                "ended_at": None if ended_at is None else ended_at.isoformat(),
            }
        )
    return {
        number: MessageProgress(state, times, tuple(sinks.get(carriers[number], ())))
        for number, state, times, _ in messages
    }
