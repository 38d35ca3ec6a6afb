"""Stores a failure report with its contact, and the message that it causes, in one transaction."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from telemetry_server.fuel.database.contacts import StoredContact, write_contact
from telemetry_server.fuel.database.engine import POSTGRESQL, insert_of
from telemetry_server.fuel.database.tables import failure_reports, notifications
from telemetry_server.fuel.database.writes import Stamp
from telemetry_server.fuel.documents.failure_report import FailureReport

COLLAPSE_SECONDS = 1800.0  # identical failures within this time are one message
LOCK_CLASS = 0x4655  # of transactions that look for a message of the same failure


class Kind(StrEnum):
    """What a message is about."""

    FAILURE = "failure"
    DIGEST = "digest"  # of messages that waited because of a limit


class MessageState(StrEnum):
    """Where a message is."""

    WAITING = "waiting"  # not looked at yet
    HELD = "held"  # waits for a digest: a limit is reached
    DUE = "due"  # deliveries are under way
    SENT = "sent"
    DEAD = "dead"  # every delivery was given up
    IN_DIGEST = "in_digest"


def write_failure(
    connection: sa.Connection, report: FailureReport, contact: StoredContact, stamp: Stamp
) -> bool:
    """Store *report*, its *contact* and its message; return False if its id is known."""
    if connection.dialect.name == POSTGRESQL:
        # Two identical failures at the same moment are to find each other's message.
        lock = sa.text("SELECT pg_advisory_xact_lock(:class, hashtext(:failure_group))")
        connection.execute(lock, {"class": LOCK_CLASS, "failure_group": report.failure_group})
    known = sa.select(failure_reports.c.report_id).where(failure_reports.c.report_id == report.report_id)
    if connection.execute(known).first() is not None:
        return False
    values = {
        "report_id": report.report_id,
        "master_node_uid": report.master_node_uid,
        "cluster_id": report.cluster_id,
        "operation": report.operation,
        "external_id": report.external_id,
        "occurred_at": report.occurred_at,
        "body": report.body,
        "notification_id": 0,
        **stamp.columns(connection),
    }
    store = insert_of(connection)(failure_reports).values(values).on_conflict_do_nothing()
    if connection.execute(store.returning(failure_reports.c.report_id)).first() is None:
        return False
    write_contact(connection, contact, stamp.received_at)
    number = _counted(connection, report, stamp.received_at) or _new_message(connection, report, stamp)
    connection.execute(
        sa.update(failure_reports)
        .where(failure_reports.c.report_id == report.report_id)
        .values(notification_id=number)
    )
    return True


def _counted(connection: sa.Connection, report: FailureReport, now: datetime) -> int | None:
    """Count *report* in a message of the last half hour about the same failure; None if there is none."""
    table = notifications
    newest = (
        sa.select(table.c.id)
        .where(
            table.c.failure_group == report.failure_group,
            table.c.created_at > now - timedelta(seconds=COLLAPSE_SECONDS),
        )
        .order_by(table.c.id.desc())
        .limit(1)
    )
    number = connection.execute(newest).scalar()
    if number is None:
        return None
    connection.execute(sa.update(table).where(table.c.id == number).values(times=table.c.times + 1))
    return int(number)


def _new_message(connection: sa.Connection, report: FailureReport, stamp: Stamp) -> int:
    values: dict[str, Any] = {
        "kind": Kind.FAILURE,
        "message_id": report.report_id,
        "master_node_uid": report.master_node_uid,
        "failure_group": report.failure_group,
        "created_at": stamp.received_at,
        "state": MessageState.WAITING,
        "times": 1,
        "times_sent": 0,
    }
    statement = sa.insert(notifications).values(values).returning(notifications.c.id)
    return int(connection.execute(statement).scalar_one())
