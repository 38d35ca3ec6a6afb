"""What the items of a request become: rows to store, or entries of refused items."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from telemetry_server.fuel.documents.doctypes import Doctype


@dataclass(frozen=True, slots=True)
class ActionLog:
    """One finished operation, or one that still runs."""

    master_node_uid: str
    external_id: int
    action_type: str
    action_name: str | None
    body: str  # JSON
    extra: str | None  # JSON of further keys of the item
    is_finished: bool

    @property
    def key(self) -> tuple[str, int]:
        """What identifies it."""
        return self.master_node_uid, self.external_id


@dataclass(frozen=True, slots=True)
class Workload:
    """The resources of one type in one environment on one day."""

    master_node_uid: str
    external_id: int
    cluster_id: int
    created_date: date
    updated_time: time
    resource_type: str
    resource_data: str  # JSON
    resource_checksum: str
    version_info: str | None  # JSON

    @property
    def key(self) -> tuple[str, int]:
        """What identifies it."""
        return self.master_node_uid, self.external_id


@dataclass(frozen=True, slots=True)
class HealthCheckRun:
    """One run of a set of health checks."""

    master_node_uid: str
    cluster_id: int
    external_id: int
    testset: str
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    body: str  # JSON

    @property
    def key(self) -> tuple[str, int, int]:
        """What identifies it."""
        return self.master_node_uid, self.cluster_id, self.external_id


Row = ActionLog | Workload | HealthCheckRun


@dataclass(frozen=True, slots=True)
class Refused:
    """An item that is kept apart, with its reason."""

    doctype: Doctype
    key: tuple[Any, ...]  # what could be read of it
    reason: str
    item: str  # JSON, without private values
