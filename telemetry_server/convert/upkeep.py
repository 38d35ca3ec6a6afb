"""What the converter's process does beside converting: counts fetches, lets go of what is old enough."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import structlog

from histogram_specs.fetch import FetchResult
from storage.audit import disagreements_of_day
from storage.raw.reader import SegmentPath, segments
from telemetry_server.convert.converter import Converter
from telemetry_server.convert.quarantine_retention import expired_folders, remove_folder
from telemetry_server.observability import metrics

log = structlog.get_logger("convert")

LET_GO_EVERY_SECONDS = 3600.0


class Upkeep:
    """
    Runs after turns of the converter, each part when it is due.

    Raw segments go when they are past retention, wholly converted, waited for
    by nobody, and when a recount of all that was written for their day agrees
    with the ledger: delete last, and only what is known to be elsewhere.
    """

    def __init__(
        self,
        converter: Converter,
        *,
        raw_retention_days: float,
        dedup_days: float | None,
        quarantine_retention_days: float,
    ) -> None:
        self._converter = converter
        self._fetcher = converter.fetcher
        self._raw_retention = timedelta(days=raw_retention_days)
        self._quarantine_retention = timedelta(days=quarantine_retention_days)
        self._dedup = None if dedup_days is None else timedelta(days=dedup_days)
        self._fetches: dict[FetchResult, int] = {}
        self._letting_go_due = 0.0

    async def run(self) -> None:
        """Do what is due.  Raises `OSError` or `StorageError` if the disk refuses; nothing is lost."""
        metrics.convert_lag_seconds.report(0.0)
        self._count_fetches()
        now = time.monotonic()
        if now >= self._letting_go_due:
            self._letting_go_due = now + LET_GO_EVERY_SECONDS
            await self.let_go(datetime.now(UTC))

    def _count_fetches(self) -> None:
        if self._fetcher is None:
            return
        for result, count in self._fetcher.statistics().items():
            metrics.specs_fetches.count(result.value, amount=count - self._fetches.get(result, 0))
            self._fetches[result] = count

    async def let_go(self, now: datetime) -> int:
        """Remove raw segments, quarantine and ids past their time.  Returns how many segments went."""
        async with self._converter.turn():
            return await asyncio.to_thread(self._let_go, now)

    def _let_go(self, now: datetime) -> int:
        converter = self._converter
        self._let_quarantine_go(now)
        if self._dedup is not None:
            with converter.ledger.transaction() as transaction:
                transaction.forget_before(f"{now - self._dedup:%Y%m%d}")
        positions = converter.ledger.positions()
        awaited = converter.ledger.pending_segments()
        agreeing: dict[str, bool] = {}
        removed = 0
        for segment in list(segments(converter.root.raw)):
            position = positions.get(segment.name)
            is_done = position is not None and position.finished and segment.name not in awaited
            if not (is_done and self._is_old(segment, now)):
                continue
            day = f"{segment.day:%Y%m%d}"
            if day not in agreeing:
                found = disagreements_of_day(converter.root, converter.ledger, day)
                agreeing[day] = not found
                if found:
                    log.error("raw segments kept past retention", day=day, finding=found[0])
            if agreeing[day]:
                converter.disk.unlink(segment.path)
                converter.disk.sync_directory(segment.path.parent)
                with converter.ledger.transaction() as transaction:
                    transaction.forget_segment(segment.name)
                removed += 1
        return removed

    def _let_quarantine_go(self, now: datetime) -> None:
        root, ledger, disk = self._converter.root.path, self._converter.ledger, self._converter.disk
        expired = list(expired_folders(root, ledger, now, self._quarantine_retention))
        for folder in expired:
            remove_folder(root, ledger, disk, folder)
            log.info(
                "quarantine removed after its retention",
                day=folder.day,
                reason=folder.reason,
                lines=folder.lines,
            )
        if expired:
            self._converter.committer.recover()

    def _is_old(self, segment: SegmentPath, now: datetime) -> bool:
        """Retention counts from when it was written: an import of 2013 is not old when it comes."""
        written = datetime.fromtimestamp(segment.path.stat().st_mtime, UTC)
        return now - written > self._raw_retention
