"""The converter behind `serve`: converts as pings arrive, and sleeps when none do."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from storage.errors import StorageError
from storage.progress.conversion_state import ConversionState
from telemetry_server.coordinator.converter import Converter

log = structlog.get_logger("convert")

RETRY_UNREACHABLE_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 2.0  # after a failure; doubled each time
MAX_PAUSE_SECONDS = 60.0
LOOK_ANYWAY_SECONDS = 30.0


async def stop_requested(lifeline_fd: int | None, *, within_seconds: float) -> bool:
    """Whether SIGTERM, SIGINT or the end of the process that holds the lifeline comes within so long."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    if lifeline_fd is not None:
        loop.add_reader(lifeline_fd, told.set)
    try:
        await asyncio.wait_for(told.wait(), within_seconds)
    except TimeoutError:
        return False
    finally:
        if lifeline_fd is not None:
            loop.remove_reader(lifeline_fd)
    return True


class Follower:
    """
    Runs a converter until it is told to stop.

    It wakes for a byte on *wake_fd* (an edge worker committed), for the end of
    a fetch, and every 30 seconds for pings that wait for an unreachable server.
    """

    def __init__(
        self,
        converter: Converter,
        *,
        wake_fd: int | None,
        lifeline_fd: int | None,
        reload: Callable[[], None],
        upkeep: Callable[[], Awaitable[None]],
        state: ConversionState,
    ) -> None:
        self._state = state
        self._failures = 0
        self._converter = converter
        self._wake_fd = wake_fd
        self._lifeline_fd = lifeline_fd
        self._upkeep = upkeep
        self._reload = reload
        self._reload_is_due = False
        self._stopping = False
        self._something = asyncio.Event()
        self._hurry = asyncio.Event()  # ends a pause after a failure, as what comes does not

    def stop(self) -> None:
        """Finish the round in hand, then leave."""
        self._stopping = True
        self._something.set()
        self._hurry.set()

    async def run(self) -> None:
        """Follow until `stop`, SIGTERM, SIGINT, or the end of the process that holds the lifeline."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._hung_up)
        if self._wake_fd is not None:
            os.set_blocking(self._wake_fd, False)
            loop.add_reader(self._wake_fd, self._woken)
        if self._lifeline_fd is not None:
            os.set_blocking(self._lifeline_fd, False)
            loop.add_reader(self._lifeline_fd, self._lifeline_moved)
        fetches = asyncio.create_task(self._watch_fetches())
        try:
            await self._follow()
        finally:
            fetches.cancel()

    def _hung_up(self) -> None:
        self._reload_is_due = True
        self._hurry.set()
        self._something.set()

    def _woken(self) -> None:
        assert self._wake_fd is not None
        try:
            if os.read(self._wake_fd, 1 << 16):
                self._something.set()
            else:
                asyncio.get_running_loop().remove_reader(self._wake_fd)
        except BlockingIOError:
            pass

    def _lifeline_moved(self) -> None:
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
            self._something.set()
            await asyncio.sleep(0.05)

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        retry_at = loop.time() + RETRY_UNREACHABLE_SECONDS
        while not self._stopping:
            self._something.clear()
            if loop.time() >= retry_at:
                self._converter.retry_unreachable()
                retry_at = loop.time() + RETRY_UNREACHABLE_SECONDS
            if self._reload_is_due:
                self._reload_is_due = False
                self._reload()
            try:
                await self._converter.convert_waiting(should_stop=lambda: self._stopping)
                await self._upkeep()
            except (OSError, StorageError) as error:
                await self._pause_after(error)
                continue
            self._failures = 0
            self._state.clear()
            tables = self._converter.tables
            due = None if tables is None else tables.due_in()
            pause = min(LOOK_ANYWAY_SECONDS, max(0.0, retry_at - loop.time()))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._something.wait(), pause if due is None else min(pause, due))
        # What is behind for another reason can wait for the next start.
        await self._converter.finish_tables(catch_up=False)

    async def _pause_after(self, error: Exception) -> None:
        """Say that conversion is halted, and wait; nothing is lost: what was not committed is in raw/."""
        pause = pause_seconds(self._failures)
        self._failures += 1
        self._state.halt(said_of(error))
        log.error("conversion halted", error=str(error), retry_after_seconds=pause)
        self._hurry.clear()
        if not self._stopping:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), pause)


def pause_seconds(failures: int) -> float:
    """How long to wait after a failure that so many came before."""
    return min(FIRST_PAUSE_SECONDS * float(1 << min(failures, 10)), MAX_PAUSE_SECONDS)


def said_of(error: Exception) -> str:
    """*error* as the reason of a halt: our own errors say all; others have their kind before it."""
    return str(error) if isinstance(error, StorageError) else f"{type(error).__name__}: {error}"
