"""
Writes judged documents: an upsert decides between added, existed and updated, so races never fail.

Each function runs within the transaction of its caller and expects every key once. Keys are written in
order, so that two transactions never wait for each other in a circle.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa

from telemetry_server.fuel.database.change_numbers import next_change_number
from telemetry_server.fuel.database.engine import POSTGRESQL, insert_of
from telemetry_server.fuel.database.tables import (
    CHANGE_SEQUENCE,
    action_log_keys,
    action_logs,
    installation_structures,
    ostf_runs,
    oswl_keys,
    oswl_stats,
)
from telemetry_server.fuel.documents.doctypes import ItemStatus
from telemetry_server.fuel.documents.rows import ActionLog, HealthCheckRun, Workload

SCHEMA_VERSION = 1
Statuses = dict[tuple[Any, ...], ItemStatus]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every row gets from the collector."""

    received_at: datetime
    server_version: str

    def columns(self, connection: sa.Connection) -> dict[str, Any]:
        """Return the values of the columns, with a new change number."""
        return {
            "received_at": self.received_at,
            "change_number": next_change_number(connection),
            "server_version": self.server_version,
            "schema_version": SCHEMA_VERSION,
        }


def write_action_logs(connection: sa.Connection, logs: Sequence[ActionLog], stamp: Stamp) -> Statuses:
    """Store finished logs that are new; the first one stored under a key stays."""
    finished = sorted((log for log in logs if log.is_finished), key=lambda log: log.key)
    is_postgresql = connection.dialect.name == POSTGRESQL
    added = (_add_logs_at_once if is_postgresql else _add_logs)(connection, finished, stamp)
    statuses: Statuses = {
        log.key: ItemStatus.ADDED if log.key in added else ItemStatus.EXISTED for log in finished
    }
    unfinished = [log.key for log in logs if not log.is_finished]
    if unfinished:
        there = _stored_keys(connection, action_log_keys, unfinished)
        statuses |= {key: ItemStatus.EXISTED if key in there else ItemStatus.SKIPPED for key in unfinished}
    return statuses


def _add_logs(connection: sa.Connection, logs: Sequence[ActionLog], stamp: Stamp) -> set[tuple[Any, ...]]:
    """Store those of *logs* whose keys are new, and return these keys."""
    added = _new_keys(connection, action_log_keys, logs, stamp)
    if added:
        common = stamp.columns(connection)
        rows = [
            {
                "master_node_uid": log.master_node_uid,
                "external_id": log.external_id,
                "action_type": log.action_type,
                "action_name": log.action_name,
                "body": log.body,
                "extra": log.extra,
                **common,
            }
            for log in logs
            if log.key in added
        ]
        connection.execute(sa.insert(action_logs), rows)
    return added


# The same in one statement with one parameter, a JSON text: it takes a fifth of the time.
_ADD_LOGS = sa.text(f"""
WITH given AS (
  SELECT * FROM json_to_recordset(CAST(:items AS json))
    AS item (master_node_uid text, external_id bigint, action_type text, action_name text, body text,
      extra text)
), added AS (
  INSERT INTO action_log_keys (master_node_uid, external_id, received_at)
  SELECT master_node_uid, external_id, CAST(:received_at AS timestamptz) FROM given
  ON CONFLICT DO NOTHING RETURNING master_node_uid, external_id
), change AS (
  SELECT nextval('{CHANGE_SEQUENCE}') AS number
), stored AS (
  INSERT INTO action_logs (master_node_uid, external_id, action_type, action_name, body, extra, received_at,
    change_number, server_version, schema_version)
  SELECT given.*, CAST(:received_at AS timestamptz), change.number, :server_version,
    CAST(:schema_version AS integer)
  FROM given JOIN added USING (master_node_uid, external_id) CROSS JOIN change
)
SELECT master_node_uid, external_id FROM added
""")  # noqa: S608 - the name is a constant


def _add_logs_at_once(
    connection: sa.Connection, logs: Sequence[ActionLog], stamp: Stamp
) -> set[tuple[Any, ...]]:
    """Do what `_add_logs` does, on PostgreSQL."""
    if not logs:
        return set()
    items = [
        {
            "master_node_uid": log.master_node_uid,
            "external_id": log.external_id,
            "action_type": log.action_type,
            "action_name": log.action_name,
            "body": log.body,
            "extra": log.extra,
        }
        for log in logs
    ]
    values = {
        "items": orjson.dumps(items).decode(),
        "received_at": stamp.received_at,
        "server_version": stamp.server_version,
        "schema_version": SCHEMA_VERSION,
    }
    return {tuple(row) for row in connection.execute(_ADD_LOGS, values)}


def write_workloads(connection: sa.Connection, workloads: Sequence[Workload], stamp: Stamp) -> Statuses:
    """Store workloads; a newer one replaces the one stored under its key."""
    ordered = sorted(workloads, key=lambda workload: workload.key)
    added = _new_keys(connection, oswl_keys, ordered, stamp)
    common = stamp.columns(connection)
    new = [{**asdict(workload), **common} for workload in ordered if workload.key in added]
    if new:
        connection.execute(sa.insert(oswl_stats), new)
    changed = [workload for workload in ordered if workload.key not in added]
    if changed:
        # The month of a row is that of its first arrival.
        there = _stored_keys(connection, oswl_keys, [workload.key for workload in changed], locks=True)
        values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in _CHANGED_COLUMNS}
        statement = (
            sa.update(oswl_stats)
            .where(
                oswl_stats.c.master_node_uid == sa.bindparam("key_uid"),
                oswl_stats.c.external_id == sa.bindparam("key_id"),
                oswl_stats.c.received_at == sa.bindparam("key_received_at"),
            )
            .values(values)
        )
        rows = []
        for workload in changed:
            row = {
                f"new_{name}": value
                for name, value in {**asdict(workload), **common}.items()
                if name in values
            }
            uid, external_id = workload.key
            rows.append(row | {"key_uid": uid, "key_id": external_id, "key_received_at": there[workload.key]})
        connection.execute(statement, rows)
    return {
        workload.key: ItemStatus.ADDED if workload.key in added else ItemStatus.UPDATED
        for workload in ordered
    }


_CHANGED_COLUMNS = tuple(
    column.name
    for column in oswl_stats.columns
    if column.name not in ("master_node_uid", "external_id", "received_at")
)


def write_health_check_runs(
    connection: sa.Connection, runs: Sequence[HealthCheckRun], stamp: Stamp
) -> Statuses:
    """Store runs that are new; the first one stored under a key stays."""
    ordered = sorted(runs, key=lambda run: run.key)
    common = stamp.columns(connection)
    statement = insert_of(connection)(ostf_runs).on_conflict_do_nothing()
    keys = (ostf_runs.c.master_node_uid, ostf_runs.c.cluster_id, ostf_runs.c.external_id)
    rows = [{**asdict(run), **common} for run in ordered]
    added = {tuple(row) for row in connection.execute(statement.returning(*keys), rows)} if rows else set()
    return {run.key: ItemStatus.ADDED if run.key in added else ItemStatus.EXISTED for run in ordered}


def write_installation(
    connection: sa.Connection,
    uid: str,
    structure: str,
    release: str | None,
    stamp: Stamp,
    *,
    is_filtered: bool,
) -> bool:
    """Store or replace the structure of an installation; return whether it is the first one."""
    common = {name: value for name, value in stamp.columns(connection).items() if name != "received_at"}
    table = installation_structures
    values = {"structure": structure, "release": release, "is_filtered": is_filtered, **common}
    statement = insert_of(connection)(table).values(
        master_node_uid=uid, creation_date=stamp.received_at, modification_date=None, **values
    )
    statement = statement.on_conflict_do_update(
        index_elements=[table.c.master_node_uid], set_={**values, "modification_date": stamp.received_at}
    )
    return connection.execute(statement.returning(table.c.modification_date)).scalar_one() is None


def _new_keys(
    connection: sa.Connection, table: sa.Table, rows: Sequence[ActionLog | Workload], stamp: Stamp
) -> set[tuple[Any, ...]]:
    """Enter the keys of *rows* that are new, and return these."""
    if not rows:
        return set()
    statement = insert_of(connection)(table).on_conflict_do_nothing()
    values = [
        {
            "master_node_uid": row.master_node_uid,
            "external_id": row.external_id,
            "received_at": stamp.received_at,
        }
        for row in rows
    ]
    returned = statement.returning(table.c.master_node_uid, table.c.external_id)
    return {tuple(row) for row in connection.execute(returned, values)}


def _stored_keys(
    connection: sa.Connection, table: sa.Table, keys: Sequence[tuple[Any, ...]], *, locks: bool = False
) -> dict[tuple[Any, ...], datetime]:
    """Return which of *keys* are stored, with the moment of arrival; *locks* them until the commit."""
    found: dict[tuple[Any, ...], datetime] = {}
    by_uid: dict[str, list[int]] = {}
    for uid, external_id in sorted(keys):
        by_uid.setdefault(uid, []).append(external_id)
    for uid, ids in by_uid.items():
        query = (
            sa.select(table.c.external_id, table.c.received_at)
            .where(table.c.master_node_uid == uid, table.c.external_id.in_(ids))
            .order_by(table.c.external_id)
        )
        if locks and connection.dialect.name == POSTGRESQL:
            query = query.with_for_update()
        found |= {(uid, external_id): moment for external_id, moment in connection.execute(query)}
    return found
