"""What is older than its retention: the table of `retention plan`."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from storage.data_root import DataRoot
from storage.ledger.ledger import Ledger
from telemetry_server.coordinator.quarantine_retention import expired_folders
from telemetry_server.coordinator.raw_retention import finished_segments
from telemetry_server.privacy.retention.age import RetentionDays, is_past
from telemetry_server.privacy.retention.records import expired_days

RECORDS, QUARANTINE, RAW, CONTACTS = "records", "quarantine", "raw", "contacts"


@dataclass(frozen=True, slots=True)
class PlanItem:
    """Data of one kind and day."""

    store: str
    day: str | None  # YYYYMMDD of arrival; None for contacts
    reason: str | None  # of quarantine
    count: int  # records, lines of quarantine, submissions, contacts
    files: int
    bytes: int

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        return asdict(self)


def retention_plan(root: DataRoot, ledger: Ledger, kept: RetentionDays, now: datetime) -> list[PlanItem]:
    """Return what would go at *now*: records, then quarantine, then raw submissions, the oldest first."""
    return [
        *_records(ledger, kept, now),
        *_quarantine(root, ledger, kept, now),
        *_raw(root, ledger, kept, now),
    ]


def _records(ledger: Ledger, kept: RetentionDays, now: datetime) -> Iterator[PlanItem]:
    if kept.records is None:
        return
    for day in expired_days(ledger, kept.records, now):
        yield PlanItem(RECORDS, day.day, None, day.records, day.files, day.bytes)


def _quarantine(root: DataRoot, ledger: Ledger, kept: RetentionDays, now: datetime) -> Iterator[PlanItem]:
    retention = timedelta(days=kept.quarantine)
    for folder in expired_folders(root.path, ledger, now, retention, waits_for_imports=False):
        yield PlanItem(QUARANTINE, folder.day, folder.reason, folder.lines, len(folder.files), folder.bytes)


def _raw(root: DataRoot, ledger: Ledger, kept: RetentionDays, now: datetime) -> Iterator[PlanItem]:
    days: dict[str, list[int]] = {}
    for segment, position in finished_segments(root, ledger):
        if is_past(segment.day, kept.raw, now):
            count = days.setdefault(f"{segment.day:%Y%m%d}", [0, 0, 0])
            count[0] += position.records
            count[1] += 1
            count[2] += segment.path.stat().st_size
    for day, (records, files, size) in sorted(days.items()):
        yield PlanItem(RAW, day, None, records, files, size)
