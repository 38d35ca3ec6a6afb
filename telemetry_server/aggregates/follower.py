"""
Keeps the aggregates up to date while the server runs, in a process of their own.

The process can be killed at any moment.  It stays between updates, because its start costs as much as an
update of a hundred pings; it ends after a long update, or when there is nothing to do, so that its memory
goes back.
"""

import asyncio
import json
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress

from storage.data_root import DataRoot
from storage.errors import StorageError
from storage.ledger.ledger import Ledger
from storage.ledger.table_files import TableFile
from telemetry_server.observability.loggers import get_logger
from telemetry_server.supervision.interpreter import python_words

log = get_logger("convert")

MODULE = "telemetry_server.aggregates.update_process"
MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.2, 15.0
MAX_IDLE_SECONDS = 120.0


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
        process = UpdateProcess(self._root)
        try:
            while True:
                await asyncio.sleep(self._pause)
                await self._follow(process)
        finally:
            await process.stop()

    async def _follow(self, process: "UpdateProcess") -> None:
        try:
            files = await asyncio.to_thread(self._files)
            if not files or files == self._done:
                if process.idle_seconds > MAX_IDLE_SECONDS:
                    await process.stop()
                return
            error = await process.update()
        except (OSError, StorageError) as caught:
            error = str(caught)
        else:
            if error is None:
                self._done = files
        if error is not None:
            log.error("aggregates are not up to date", error=error)

    def _files(self) -> list[TableFile]:
        with Ledger.for_reading(self._root) as ledger:
            return ledger.table_files()


class UpdateProcess:
    """A process that updates the aggregates of one data root; it is started when it is needed."""

    def __init__(self, root: DataRoot) -> None:
        self._root = root
        self._process: Process | None = None
        self._used = time.monotonic()

    @property
    def idle_seconds(self) -> float:
        """For how long no update was asked for."""
        return time.monotonic() - self._used

    async def update(self) -> str | None:
        """
        Run one update; return what went wrong, None if nothing.

        Raises:
            OSError: The process could not be started.
        """
        process = self._process or await self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(ConnectionError):  # it has ended: no answer comes
            process.stdin.write(b"\n")
            await process.stdin.drain()
        line = await process.stdout.readline()
        self._used = time.monotonic()
        answer = json.loads(line) if line.endswith(b"\n") else None
        if answer is None or answer["ends"]:
            self._process = None
            status = await process.wait()
        if answer is None:
            return f"the process of the update ended with {status}"
        error: str | None = answer["error"]
        return error

    async def _started(self) -> Process:
        self._process = await asyncio.create_subprocess_exec(
            *(*python_words(), "-m", MODULE, str(self._root.path)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
        )
        return self._process

    async def stop(self) -> None:
        """End the process, if there is one; what it has finished stays."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
