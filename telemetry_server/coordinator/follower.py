"""The converter of `serve`: converts pings as they arrive, and sleeps in between."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

from storage.errors import StorageError
from storage.progress.conversion_state import ConversionState
from telemetry_server.coordinator.converter import Converter
from telemetry_server.observability.loggers import get_logger

log = get_logger("convert")

RETRY_UNREACHABLE_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 2.0  # after a failure; doubled after each further one
MAX_PAUSE_SECONDS = 60.0
CHECK_ANYWAY_SECONDS = 30.0


async def stop_requested(lifeline_fd: int | None, *, within_seconds: float) -> bool:
    """Wait; return whether SIGTERM, SIGINT or the end of the lifeline's process asked to stop."""
    loop = asyncio.get_running_loop()
    requested = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, requested.set)
    if lifeline_fd is not None:
        loop.add_reader(lifeline_fd, requested.set)
    try:
        await asyncio.wait_for(requested.wait(), within_seconds)
    except TimeoutError:
        return False
    finally:
        if lifeline_fd is not None:
            loop.remove_reader(lifeline_fd)
    return True


class Follower:
    """
    Runs a converter until it is asked to stop.

    It wakes up when *wake_fd* has a byte (an edge worker committed), when a fetch has ended,
    and every 30 seconds for pings that wait for an unreachable server.
    """

    def __init__(
        self,
        converter: Converter,
        *,
        wake_fd: int | None,
        lifeline_fd: int | None,
        reload: Callable[[], None],
        run_retention: Callable[[], Awaitable[None]],
        state: ConversionState,
    ) -> None:
        self._state = state
        self._failures = 0
        self._converter = converter
        self._wake_fd = wake_fd
        self._lifeline_fd = lifeline_fd
        self._run_retention = run_retention
        self._reload = reload
        self._reload_requested = False
        self._stopping = False
        self._wake = asyncio.Event()
        self._end_pause = asyncio.Event()  # ends a pause after a failure; new pings do not

    def stop(self) -> None:
        """Finish the current round, then stop."""
        self._stopping = True
        self._wake.set()
        self._end_pause.set()

    async def run(self) -> None:
        """Convert until `stop`, SIGTERM, SIGINT, or the end of the process that holds the lifeline."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)
        if self._wake_fd is not None:
            os.set_blocking(self._wake_fd, False)
            loop.add_reader(self._wake_fd, self._on_wake)
        if self._lifeline_fd is not None:
            os.set_blocking(self._lifeline_fd, False)
            loop.add_reader(self._lifeline_fd, self._on_lifeline)
        fetches = asyncio.create_task(self._watch_fetches())
        try:
            await self._follow()
        finally:
            fetches.cancel()

    def _on_hangup(self) -> None:
        self._reload_requested = True
        self._end_pause.set()
        self._wake.set()

    def _on_wake(self) -> None:
        assert self._wake_fd is not None
        try:
            if os.read(self._wake_fd, 1 << 16):
                self._wake.set()
            else:
                asyncio.get_running_loop().remove_reader(self._wake_fd)
        except BlockingIOError:
            pass

    def _on_lifeline(self) -> None:
        assert self._lifeline_fd is not None
        try:
            if not os.read(self._lifeline_fd, 1):
                asyncio.get_running_loop().remove_reader(self._lifeline_fd)
                self.stop()
        except BlockingIOError:
            pass

    async def _watch_fetches(self) -> None:
        while True:
            await self._converter.fetch_ended.wait()
            self._wake.set()
            await asyncio.sleep(0.05)

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        retry_at = loop.time() + RETRY_UNREACHABLE_SECONDS
        while not self._stopping:
            self._wake.clear()
            if loop.time() >= retry_at:
                self._converter.retry_unreachable()
                retry_at = loop.time() + RETRY_UNREACHABLE_SECONDS
            if self._reload_requested:
                self._reload_requested = False
                self._reload()
            try:
                await self._converter.convert_waiting(should_stop=lambda: self._stopping)
                await self._run_retention()
            except (OSError, StorageError) as error:
                await self._pause_after(error)
                continue
            self._failures = 0
            self._state.clear()
            tables = self._converter.tables
            due = None if tables is None else tables.due_in()
            with suppress(TimeoutError):
                pause = min(CHECK_ANYWAY_SECONDS, max(0.0, retry_at - loop.time()))
                await asyncio.wait_for(self._wake.wait(), pause if due is None else min(pause, due))
        # Other missing rows are added after the next start.
        await self._converter.finish_tables(catch_up=False)

    async def _pause_after(self, error: Exception) -> None:
        """Log that conversion is halted, and wait.  Nothing is lost: raw/ keeps uncommitted pings."""
        pause = pause_seconds(self._failures)
        self._failures += 1
        self._state.halt(halt_reason(error))
        log.error("conversion halted", error=str(error), retry_after_seconds=pause)
        self._end_pause.clear()
        if not self._stopping:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._end_pause.wait(), pause)


def pause_seconds(failures: int) -> float:
    """Return how long to wait after a failure that follows *failures* others."""
    return min(FIRST_PAUSE_SECONDS * float(1 << min(failures, 10)), MAX_PAUSE_SECONDS)


def halt_reason(error: Exception) -> str:
    """Return the reason of a halt; errors of libraries are prefixed with their type."""
    return str(error) if isinstance(error, StorageError) else f"{type(error).__name__}: {error}"
