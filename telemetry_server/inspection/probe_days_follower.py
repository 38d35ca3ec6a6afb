"""
Keeps the sums of days up to date while the server runs.

A short process for each run leaves no memory behind, and can be killed at any moment.  A report reads
newer records by itself, so a run waits for some hundred pings.
"""

import asyncio
import base64
import pickle
import time

from storage.errors import StorageError
from storage.ledger.ledger import Ledger
from telemetry_server.inspection.probe_days import Work
from telemetry_server.observability.loggers import get_logger
from telemetry_server.supervision.short_process import run_short_process

log = get_logger("convert")

MODULE = "telemetry_server.inspection.probe_days_process"
FIRST_LOOK_SECONDS, LOOK_SECONDS = 2.0, 10.0
MIN_NEW_RECORDS = 500
MAX_PAUSE_SECONDS = 600.0  # between runs, since definitions may change without a new record


class ProbeDaysFollower:
    """Updates the sums of one data root whenever enough records have arrived."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._records = 0  # at the last run
        self._ran = 0.0

    async def run(self) -> None:
        """Follow until cancelled."""
        pause = FIRST_LOOK_SECONDS
        while True:
            await asyncio.sleep(pause)
            pause = LOOK_SECONDS
            try:
                records = await asyncio.to_thread(self._stored_records)
                if self._is_due(records):
                    await self.update(records)
            except (OSError, StorageError) as error:
                log.error("the sums of probes are not up to date", error=str(error))

    def _is_due(self, records: int) -> bool:
        if records < MIN_NEW_RECORDS:
            return False
        is_old = time.monotonic() - self._ran > MAX_PAUSE_SECONDS
        return is_old or abs(records - self._records) >= MIN_NEW_RECORDS

    def _stored_records(self) -> int:
        with Ledger.for_reading(self._work.setup.root) as ledger:
            return sum(books.stored for books in ledger.books().values())

    async def update(self, records: int) -> None:
        """Run the process once; *records* are stored now."""
        self._ran, self._records = time.monotonic(), records
        status, error = await run_short_process(
            MODULE, given=base64.b64encode(pickle.dumps(self._work)) + b"\n"
        )
        if status:
            log.error("the sums of probes are not up to date", status=status, error=error)
