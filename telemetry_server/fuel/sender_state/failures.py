"""Failure reports that wait to be sent: made when an operation fails, if the user has filled in a contact."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson

from telemetry_server.fuel.sender_state.documents import Kind, newest, next_id, put
from telemetry_server.fuel.sender_state.state_file import STRUCTURE, StateFile

MAX_LOGS_SEARCHED = 1000
ERROR = "error"


def queue_failure(
    state: StateFile,
    now: datetime,
    *,
    operation: str | None = None,
    cluster_id: int | None = None,
    external_id: int | None = None,
    error_type: str | None = None,
    summary: str | None = None,
    failed_nodes: Iterable[Mapping[str, Any]] = (),
) -> str | None:
    """
    Store a failure report, to be sent at once; return its id, or None without a contact or an opt-in.

    Args:
        external_id: Of the action log of the failed operation.
        failed_nodes: Each with ``id``, ``roles`` and ``error_type``.
    """
    if state.choices().failure_contact() is None:
        return None
    report_id = str(uuid4())
    item = {
        "report_id": report_id,
        "occurred_at": now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "cluster_id": cluster_id,
        "operation": operation,
        "external_id": external_id,
        "error": {
            "type": error_type,
            "summary": summary,
            "failed_nodes": [dict(node) for node in failed_nodes],
        },
        "environment": _environment(state, cluster_id),
    }
    with state.writing() as connection:
        number = next_id(connection, Kind.FAILURE_REPORTS)
        put(connection, Kind.FAILURE_REPORTS, item, external_id=number, day=now.date())
    return report_id


def newest_failure(state: StateFile) -> Mapping[str, Any] | None:
    """Return the action log of the newest operation that failed; None if none is among the last logs."""
    for item, _ in newest(state, Kind.ACTION_LOGS, MAX_LOGS_SEARCHED)[::-1]:
        info = item["body"].get("additional_info")
        if isinstance(info, dict) and info.get("ended_with_status") == ERROR:
            return item
    return None


def _environment(state: StateFile, cluster_id: int | None) -> dict[str, Any]:
    """Return what support needs of the environment, as far as a structure was recorded."""
    text = state.fact(STRUCTURE)
    clusters = orjson.loads(text).get("clusters") if text else None
    for cluster in clusters if isinstance(clusters, list) else []:
        if isinstance(cluster, dict) and cluster.get("id") == cluster_id:
            release = cluster.get("release")
            release = release if isinstance(release, dict) else {}
            return {
                "release": release.get("version"),
                "os": release.get("os"),
                "mode": cluster.get("mode"),
                "nodes_num": cluster.get("nodes_num"),
            }
    return {}
