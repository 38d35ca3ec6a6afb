"""Calls a worker again and again in a process of its own, until SIGTERM or the end of the lifeline."""

import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from telemetry_server.fuel.database.errors import FuelDatabaseError
from telemetry_server.observability.events import FuelDatabaseAway

FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS = 1.0, 30.0


class Worker(Protocol):
    """Whose turns are due at regular times."""

    def turn(self) -> None:
        """Do all that is due; raises `FuelDatabaseError` where it is to be tried again."""

    def stop_soon(self) -> None:
        """End a turn early: the process is to end."""

    def read_again(self) -> None:
        """Read files again that may have changed."""

    def close(self) -> None:
        """Close what is open."""


def take_turns(
    worker: Worker, pause_seconds: float, lifeline_fd: int, on_first_turn: Callable[[], None]
) -> int:
    """Run *worker* until it is stopped; return the exit status."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    is_stopping = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal is_stopping
        is_stopping = True
        worker.stop_soon()
        _wake(wake_write)

    def read_again(_number: int, _frame: object) -> None:
        worker.read_again()
        _wake(wake_write)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, read_again)
    waited_for = [wake_read] if lifeline_fd < 0 else [wake_read, lifeline_fd]
    retry = FIRST_RETRY_SECONDS
    is_first = True
    while not is_stopping:
        pause = pause_seconds
        try:
            worker.turn()
            retry = FIRST_RETRY_SECONDS
        except FuelDatabaseError as error:
            if is_first or retry == FIRST_RETRY_SECONDS:
                FuelDatabaseAway(str(error)).emit()
            pause = retry
            retry = min(2 * retry, MAX_RETRY_SECONDS)
        if is_first:
            is_first = False
            on_first_turn()
        ready, _, _ = select.select(waited_for, [], [], pause)
        if lifeline_fd in ready:
            break
        if wake_read in ready:
            os.read(wake_read, 1 << 10)
    worker.close()
    return 0


def _wake(descriptor: int) -> None:
    with suppress(BlockingIOError):
        os.write(descriptor, b"\0")
