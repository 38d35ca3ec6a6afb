"""Removes expired raw segments, quarantine, records and remembered ids; counts fetches."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from histogram_specs.cache.fetcher import FetchResult
from storage.ledger.clock import MAX_BACK_SECONDS, ClockRecord
from storage.raw.writer import utc_now
from telemetry_server.coordinator.converter import Converter
from telemetry_server.coordinator.quarantine_retention import remove_expired
from telemetry_server.coordinator.raw_retention import finished_segments, remove_segments
from telemetry_server.observability import metrics
from telemetry_server.observability.events import ClockJumped

REMOVE_EVERY_SECONDS = 3600.0


class RetentionTasks:
    """
    Runs after turns of the converter; removes expired data once an hour.

    A raw segment is removed if it is past retention, wholly converted, without pending pings,
    and if a recount of its day agrees with the ledger.

    Age is measured by the wall clock if the ledger believes it (`storage.ledger.clock`).  That of raw
    segments, quarantine and ids is never measured beyond the newest committed arrival.

    Args:
        remove_records: Removes the records that are too old at a moment; None keeps all.
        clock: UTC wall clock.
        monotonic: Seconds of a clock that cannot be set.
    """

    def __init__(
        self,
        converter: Converter,
        *,
        raw_retention_days: float,
        dedup_days: float | None,
        quarantine_retention_days: float,
        remove_records: Callable[[datetime], Awaitable[object]] | None = None,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._seen_at: tuple[datetime, float] | None = None  # both clocks at the last run
        self._converter = converter
        self._fetcher = converter.fetcher
        self._raw_retention = timedelta(days=raw_retention_days)
        self._quarantine_retention = timedelta(days=quarantine_retention_days)
        self._dedup = None if dedup_days is None else timedelta(days=dedup_days)
        self._fetches: dict[FetchResult, int] = {}
        self._next_removal = 0.0
        self._remove_records = remove_records
        self._believed = datetime.min.replace(tzinfo=UTC)

    async def run(self) -> None:
        """Count fetches; remove expired data if it is time.  Raises `OSError` or `StorageError`."""
        self._count_fetches()
        now = self._monotonic()
        if self._clock_jumped() or now >= self._next_removal:
            self._next_removal = now + REMOVE_EVERY_SECONDS
            await self.remove_expired()

    def _clock_jumped(self) -> bool:
        """Whether the wall clock was set since the last run."""
        before, now = self._seen_at, (self._clock(), self._monotonic())
        self._seen_at = now
        if before is None:
            return False
        jump = (now[0] - before[0]).total_seconds() - (now[1] - before[1])
        return abs(jump) > MAX_BACK_SECONDS

    def _count_fetches(self) -> None:
        if self._fetcher is None:
            return
        for result, count in self._fetcher.statistics().items():
            metrics.specs_fetches.count(result.value, amount=count - self._fetches.get(result, 0))
            self._fetches[result] = count

    async def remove_expired(self) -> int:
        """Remove expired raw segments, quarantine and ids; return how many segments were removed."""
        async with self._converter.turn():
            removed = await asyncio.to_thread(self._remove_expired)
        if self._remove_records is not None:
            await self._remove_records(self._believed)
        return removed

    def _remove_expired(self) -> int:
        converter = self._converter
        positions = converter.ledger.positions()
        written = self._written(list(positions))
        now = self._check_clock(max(written.values(), default=None))
        self._remove_expired_quarantine(now)
        if self._dedup is not None:
            with converter.ledger.transaction() as transaction:
                transaction.forget_before(f"{now - self._dedup:%Y%m%d}")
        expired = [
            segment
            for segment, _ in finished_segments(converter.root, converter.ledger)
            if now - written.get(segment.name, now) > self._raw_retention
        ]
        return remove_segments(converter.root, converter.ledger, converter.disk, expired).removed

    def _remove_expired_quarantine(self, now: datetime) -> None:
        converter = self._converter
        root, retention = converter.root.path, self._quarantine_retention
        if remove_expired(root, converter.ledger, converter.disk, now, retention):
            converter.committer.recover()

    def _written(self, names: list[str]) -> dict[str, datetime]:
        """
        Return when each of the segments *names*, in the order of reading, was written.

        An import counts from the day of the import.  A segment is never older than those
        read before it, because its writer's clock may have been behind.
        """
        written: dict[str, datetime] = {}
        latest = datetime.min.replace(tzinfo=UTC)
        for name in names:
            try:
                modified = (self._converter.root.raw / name).stat().st_mtime
            except FileNotFoundError:
                continue
            latest = written[name] = max(latest, datetime.fromtimestamp(modified, UTC))
        return written

    def _check_clock(self, newest_written: datetime | None) -> datetime:
        """Return the time by which ages are measured; store and log a jump of the clock."""
        ledger, wall = self._converter.ledger, self._clock()
        seconds = int(wall.timestamp())
        before = ledger.clock() or ClockRecord(seconds)
        record = before.after_check(seconds)
        if record != ledger.clock():
            with ledger.transaction() as transaction:
                transaction.put_clock(record)
        if record.jumped_at != before.jumped_at or record.jumped_by != before.jumped_by:
            ClockJumped(wall.isoformat(), record.jumped_by).emit()
        self._believed = now = datetime.fromtimestamp(record.expiry_time(seconds), UTC)
        newest = [moment for moment in (newest_written, _end_of(ledger.newest_arrival_day())) if moment]
        return min(now, max(newest, default=now))


def _end_of(day: str | None) -> datetime | None:
    """Return the end of a day (YYYYMMDD)."""
    return None if day is None else datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC) + timedelta(days=1)
