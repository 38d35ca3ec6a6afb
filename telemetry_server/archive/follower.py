"""
Archives closed days while the server runs, in a process of its own.

A short process for each run leaves no memory behind, and can be killed at any moment.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from storage.data_root import DataRoot
from storage.errors import StorageError
from telemetry_server.archive.run import ArchivePlan, due_days
from telemetry_server.observability.loggers import get_logger
from telemetry_server.supervision.short_process import run_short_process

log = get_logger("convert")

MODULE = "telemetry_server.archive.run_process"
LOOK_SECONDS = 60.0
FIRST_LOOK_SECONDS = 2.0
MAX_PAUSE_SECONDS = 900.0


class ArchiveFollower:
    """
    Runs the archive of one data root whenever a closed day needs it.

    Args:
        on_waiting: Called with the number of closed days that need a run.
        on_run: Called after each run with whether it succeeded.
    """

    def __init__(
        self,
        root: DataRoot,
        plan: ArchivePlan,
        *,
        on_waiting: Callable[[int], None] = lambda _: None,
        on_run: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._root = root
        self._plan = plan
        self._on_waiting = on_waiting
        self._on_run = on_run

    async def run(self) -> None:
        """Follow until cancelled."""
        pause, failures = FIRST_LOOK_SECONDS, 0
        while True:
            await asyncio.sleep(pause)
            is_done = True
            try:
                if await self._look():
                    is_done = await self._archive()
                    self._on_run(is_done)
                    await self._look()
            except (OSError, StorageError) as error:
                log.error("closed days are not archived", error=str(error))
                is_done = False
            failures = 0 if is_done else failures + 1
            pause = min(LOOK_SECONDS * float(1 << min(failures, 4)), MAX_PAUSE_SECONDS)

    async def _look(self) -> int:
        """Report and return how many closed days need a run."""
        due = await asyncio.to_thread(due_days, self._root, self._plan, lambda: datetime.now(UTC))
        self._on_waiting(len(due))
        return len(due)

    async def _archive(self) -> bool:
        """Run the archive once; return whether it succeeded."""
        plan = self._plan
        words = [str(self._root.path), plan.url, str(plan.keeps_local), str(plan.with_tables)]
        status, error = await run_short_process(MODULE, *words)
        if status:
            log.error("closed days are not archived", status=status, error=error)
        return status == 0
