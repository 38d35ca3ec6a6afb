"""Removes what is older than its retention: `retention run`, and the hourly work of the converter."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from telemetry_server.coordinator.converter import Converter
from telemetry_server.coordinator.quarantine_retention import remove_expired
from telemetry_server.coordinator.raw_retention import finished_segments, remove_segments
from telemetry_server.observability.loggers import get_logger
from telemetry_server.privacy.retention.age import RetentionDays, is_past
from telemetry_server.privacy.retention.plan import PlanItem, retention_plan
from telemetry_server.privacy.retention.records import (
    NotSealed,
    RecordDay,
    Seal,
    batches,
    expired_days,
    remove_empty_days,
    remove_records,
)

log = get_logger("convert")


@dataclass(frozen=True, slots=True)
class RecordRetention:
    """
    How records are removed.

    Attributes:
        seal: Seals the aggregates of days; raises `NotSealed` where it cannot.
        remembers_ids: Ids of removed records are kept for the rest of `dedup_days`.
    """

    kept_days: float
    seal: Seal
    remembers_ids: bool

    async def remove_expired(self, converter: Converter, now: datetime) -> list[RecordDay]:
        """
        Remove the records that are older than their retention at *now*; return the days.

        A day whose rows are still on their way into the tables stays until the next run, because its
        aggregates would lack them.

        Raises:
            NotSealed: The aggregates of some days cannot be sealed; the records of these stay.
            OSError, StorageError: The disk refuses.
        """
        async with converter.turn():
            expired = await asyncio.to_thread(expired_days, converter.ledger, self.kept_days, now)
            ready = [day for day in expired if _is_tabled(converter, day.day)]
        for some in batches(ready):
            names = [day.day for day in some]
            await asyncio.to_thread(self.seal, names)
            async with converter.turn():
                await asyncio.to_thread(self._remove, converter, names)
            for day in some:
                log.info("records removed after their retention", day=day.day, records=day.records)
        async with converter.turn():
            await asyncio.to_thread(remove_empty_days, converter.root, converter.ledger, self.kept_days, now)
        return ready

    def _remove(self, converter: Converter, days: list[str]) -> None:
        remove_records(
            converter.root, converter.ledger, converter.disk, days, remembers_ids=self.remembers_ids
        )
        converter.committer.recover()
        if converter.tables is not None:
            converter.tables.look_again()

    async def remove_or_log(self, converter: Converter, now: datetime) -> None:
        """Do the same; where aggregates cannot be sealed, log it and try again in an hour."""
        try:
            await self.remove_expired(converter, now)
        except NotSealed as error:
            log.error("records kept past their retention", error=str(error))


def _is_tabled(converter: Converter, day: str) -> bool:
    """Return whether the tables have all records of *day* that can be read."""
    tables = converter.tables
    if tables is None or not tables.has_work():
        return True
    return not converter.ledger.tabled(day, behind_only=True)


@dataclass(slots=True)
class RetentionResult:
    """What a run removed, and why something stayed, one line each."""

    removed: list[PlanItem] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)


async def run_retention(
    converter: Converter, kept: RetentionDays, records: RecordRetention | None, now: datetime
) -> RetentionResult:
    """
    Remove all that `retention_plan` lists for *now*.

    Raises:
        OSError, StorageError: The disk refuses; what was removed before stays removed.
    """
    result = RetentionResult()
    async with converter.turn():
        planned = retention_plan(converter.root, converter.ledger, kept, now)
    if records is not None:
        try:
            await records.remove_expired(converter, now)
        except NotSealed as error:
            result.findings.append(str(error))
    async with converter.turn():
        result.findings += await asyncio.to_thread(_remove_others, converter, kept, now)
        left = retention_plan(converter.root, converter.ledger, kept, now)
    result.removed = [item for item in planned if item not in left]
    return result


def _remove_others(converter: Converter, kept: RetentionDays, now: datetime) -> list[str]:
    """Remove expired quarantine and raw segments; return why segments stay."""
    root, ledger = converter.root, converter.ledger
    retention = timedelta(days=kept.quarantine)
    if remove_expired(root.path, ledger, converter.disk, now, retention, waits_for_imports=False):
        converter.committer.recover()
    old = [segment for segment, _ in finished_segments(root, ledger) if is_past(segment.day, kept.raw, now)]
    return remove_segments(root, ledger, converter.disk, old).findings
