"""Records the workload of environments: what changed since the last look, one record a day."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from telemetry_server.fuel.recorder.recorder import Recorder
from telemetry_server.fuel.sender_state.documents import Kind, next_id, put
from telemetry_server.fuel.sender_state.state_file import utc_now

OPERATIONAL, IN_ERROR = "operational", "error"
FIELDS = {
    "vm": ("status", "tenant_id", "host_id", "created_at", "power_state", "flavor_id", "image_id"),
    "flavor": ("ram", "vcpus", "ephemeral", "disk", "swap"),
    "image": ("minDisk", "minRam", "sizeBytes", "created_at", "updated_at"),
    "volume": (
        "availability_zone",
        "encrypted_flag",
        "bootable_flag",
        "status",
        "volume_type",
        "size",
        "snapshot_id",
        "tenant_id",
        "attachments",
    ),
    "tenant": ("enabled_flag",),
    "keystone_user": ("enabled_flag", "tenant_id"),
}


class WorkloadRecorder:
    """Records workloads into the state file of *recorder*; nothing while the user has opted out."""

    def __init__(self, recorder: Recorder, *, clock: Any = utc_now) -> None:
        self._state = recorder.state
        self._clock = clock

    def save(
        self,
        cluster_id: int,
        resource_type: str,
        resources: Sequence[Mapping[str, Any]],
        *,
        cluster_status: str = OPERATIONAL,
        version_info: Mapping[str, Any] | None = None,
    ) -> bool:
        """
        Record the present *resources* of an environment; return whether a record was written.

        An environment in error is left alone; one that is neither operational nor in error has no resources.

        Args:
            resources: Each with its ``id``; other fields than those of the type are dropped.
        """
        if cluster_status == IN_ERROR or not self._state.choices().opted_in:
            return False
        if cluster_status != OPERATIONAL:
            resources = []
        names = ("id", *FIELDS[resource_type])
        current = [{name: resource[name] for name in names if name in resource} for resource in resources]
        current.sort(key=lambda resource: str(resource["id"]))
        checksum = hashlib.sha1(
            orjson.dumps(current, option=orjson.OPT_SORT_KEYS), usedforsecurity=False
        ).hexdigest()
        now = self._clock()
        with self._state.writing() as connection:
            newest = _newest(connection, cluster_id, resource_type)
            if newest is not None and newest["resource_checksum"] == checksum:
                return False
            if newest is None and not current:
                return False
            today = now.date().isoformat()
            is_todays = newest is not None and newest["created_date"] == today
            record = (
                newest if is_todays and newest is not None else _new_record(cluster_id, resource_type, today)
            )
            before = [] if newest is None else newest["resource_data"]["current"]
            _add_changes(record["resource_data"], before, current, now)
            record |= {
                "updated_time": f"{now:%H:%M:%S}",
                "resource_checksum": checksum,
                "version_info": dict(version_info or record.get("version_info") or {}),
            }
            if "id" not in record:
                record["id"] = next_id(connection, Kind.OSWL_STATS)
            put(connection, Kind.OSWL_STATS, record, external_id=record["id"], day=now.date())
        return True


def _newest(connection: Any, cluster_id: int, resource_type: str) -> dict[str, Any] | None:
    rows = connection.execute(
        "SELECT item FROM documents WHERE kind = ? ORDER BY external_id DESC", (Kind.OSWL_STATS,)
    )
    for (text,) in rows:
        record: dict[str, Any] = orjson.loads(text)
        if record.get("cluster_id") == cluster_id and record.get("resource_type") == resource_type:
            return record
    return None


def _new_record(cluster_id: int, resource_type: str, day: str) -> dict[str, Any]:
    return {
        "cluster_id": cluster_id,
        "created_date": day,
        "resource_type": resource_type,
        "resource_data": {"current": [], "added": [], "removed": [], "modified": []},
    }


def _add_changes(
    data: dict[str, list[Any]], before: list[dict[str, Any]], current: list[dict[str, Any]], now: datetime
) -> None:
    """Bring *data* from *before* to *current*, and note what was added, removed and modified."""
    time = f"{now:%H:%M:%S}"
    old, new = ({resource["id"]: resource for resource in group} for group in (before, current))
    data["added"] += [{"id": name, "time": time} for name in new if name not in old]
    removed_before = {resource["id"] for resource in data["removed"]}
    for name, resource in old.items():
        if name not in new:
            shown = {"id": name} if name in removed_before else resource
            data["removed"].append(shown | {"time": time})
        elif resource != new[name]:
            changed = {key: value for key, value in resource.items() if new[name].get(key) != value}
            data["modified"].append({"id": name, "time": time} | changed)
    data["current"] = current
