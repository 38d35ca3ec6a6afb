"""Reads whole documents out of the collector's database, a few at a time."""

from collections.abc import Iterator
from typing import Any

import orjson
import sqlalchemy as sa

from telemetry_server.fuel.database.tables import action_logs, installation_structures, oswl_stats
from telemetry_server.fuel.documents.values import moment_of
from telemetry_server.fuel.exports.window import Window

FETCHED_AT_ONCE = 100


def installations_in(connection: sa.Connection, window: Window) -> Iterator[Any]:
    """Yield installations that count and were created or changed in *window*, in order of arrival."""
    table = installation_structures
    query = sa.select(table).where(
        ~table.c.is_filtered,
        sa.or_(table.c.creation_date >= window.begin, table.c.modification_date >= window.begin),
        sa.or_(table.c.creation_date <= window.end, table.c.modification_date <= window.end),
    )
    yield from _stream(connection, query.order_by(table.c.id))


def workloads_until(connection: sa.Connection, resource_type: str, window: Window) -> Iterator[Any]:
    """Yield records of one type up to the end of *window*, by day, of installations that count."""
    table, installations = oswl_stats, installation_structures
    query = (
        sa.select(
            *(table.c[name] for name in _WORKLOAD_COLUMNS),
            installations.c.creation_date,
            installations.c.modification_date,
        )
        .join_from(table, installations, table.c.master_node_uid == installations.c.master_node_uid)
        .where(
            ~installations.c.is_filtered,
            table.c.resource_type == resource_type,
            table.c.created_date <= window.last,
        )
        .order_by(table.c.created_date, table.c.external_id, table.c.master_node_uid)
    )
    yield from _stream(connection, query)


_WORKLOAD_COLUMNS = (
    "master_node_uid",
    "external_id",
    "cluster_id",
    "created_date",
    "resource_type",
    "resource_data",
    "resource_checksum",
    "version_info",
)


def structure_of(connection: sa.Connection, uid: str) -> dict[str, Any]:
    """Return the structure of one installation."""
    table = installation_structures
    text = connection.execute(sa.select(table.c.structure).where(table.c.master_node_uid == uid)).scalar()
    found = {} if text is None else orjson.loads(text)
    return found if isinstance(found, dict) else {}


def last_verifications(connection: sa.Connection, window: Window) -> dict[tuple[str, Any], Any]:
    """Return the status of the last network verification in *window*, by uid and cluster."""
    table = action_logs
    query = sa.select(table.c.master_node_uid, table.c.external_id, table.c.body).where(
        table.c.action_name == "verify_networks", table.c.action_type == "nailgun_task"
    )
    last: dict[tuple[str, Any], tuple[Any, Any]] = {}
    for uid, external_id, text in _stream(connection, query):
        body = orjson.loads(text)
        ended = moment_of(body.get("end_timestamp"))
        if ended is None or not window.begin <= ended < window.end:
            continue
        info = body.get("additional_info")
        status = info.get("ended_with_status") if isinstance(info, dict) else None
        key, order = (uid, body.get("cluster_id")), (ended, external_id)
        if key not in last or last[key][0] < order:
            last[key] = order, status
    return {key: status for key, (_, status) in last.items()}


def types_present(connection: sa.Connection) -> list[str]:
    """Return the types of resources that records are there of."""
    return sorted(connection.execute(sa.select(oswl_stats.c.resource_type).distinct()).scalars())


def _stream(connection: sa.Connection, query: Any) -> Iterator[Any]:
    # Fetched whole, the structures of all installations would not fit into memory.
    yield from connection.execute(query.execution_options(yield_per=FETCHED_AT_ONCE))
