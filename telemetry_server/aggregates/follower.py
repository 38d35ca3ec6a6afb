"""
Keeps the aggregates up to date while the server runs, in a process of their own.

A short process for each update leaves no memory behind, and can be killed at any moment.
"""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress

import structlog

from storage.data_root import DataRoot
from storage.errors import StorageError
from storage.ledger.ledger import Ledger
from storage.ledger.table_files import TableFile

log = structlog.get_logger("convert")

MODULE = "telemetry_server.aggregates.update_process"
MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.2, 15.0


class AggregateFollower:
    """
    Updates the aggregates of one data root whenever its table files change.

    Args:
        behind_seconds: How far the aggregates may be behind.
    """

    def __init__(self, root: DataRoot, behind_seconds: float) -> None:
        self._root = root
        self._pause = min(max(behind_seconds / 4, MIN_PAUSE_SECONDS), MAX_PAUSE_SECONDS)
        self._done: list[TableFile] | None = None

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            await asyncio.sleep(self._pause)
            try:
                files = await asyncio.to_thread(self._files)
                if files and files != self._done and await self._update():
                    self._done = files
            except (OSError, StorageError) as error:
                log.error("aggregates are not up to date", error=str(error))

    def _files(self) -> list[TableFile]:
        with Ledger.for_reading(self._root) as ledger:
            return ledger.table_files()

    async def _update(self) -> bool:
        """Run one update; return whether it succeeded."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", MODULE, str(self._root.path), stdin=PIPE, stdout=DEVNULL, stderr=PIPE
        )
        try:
            assert process.stderr is not None
            text = await process.stderr.read()
            status = await process.wait()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        finally:
            assert process.stdin is not None
            process.stdin.close()
        if status:
            lines = text.decode(errors="replace").strip().splitlines()
            log.error("aggregates are not up to date", status=status, error=lines[-1] if lines else "")
        return status == 0
