"""Runs a statement so that it ends: by its time, by its memory, or by Ctrl-C."""

import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

# Some functions (repeat, list_sum of a range) look for an interrupt only at their end.
GRACE_SECONDS = 2.0
INTERRUPT_EVERY_SECONDS = 0.1
# What the process allocates beside DuckDB's own limit: PyArrow's readers, results on their way out.
MEMORY_BESIDE_BYTES = 512 * 2**20


class StatementStopped(Exception):
    """A statement that took too long or too much memory.  One line."""


class StatementHung(Exception):
    """The statement does not answer to an interrupt: only the end of the process ends it."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause  # `StatementStopped` or `KeyboardInterrupt`


class Interruptible(Protocol):
    """What can be told to give up."""

    def interrupt(self) -> None:
        """End what runs soon, by an exception there."""


def run_watched(
    work: Callable[[], None],
    connection: Interruptible,
    timeout_seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """
    Run *work*, which uses *connection*, in a thread of its own; return when it is done.

    Raises:
        StatementStopped: *timeout_seconds* have passed; the work has ended.
        KeyboardInterrupt: The user pressed Ctrl-C; the work has ended.
        StatementHung: One of the two, and the work goes on.
        Exception: What *work* raises.
    """
    failures: list[BaseException] = []
    is_done = threading.Event()

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)
        finally:
            is_done.set()

    deadline = clock() + timeout_seconds
    thread = threading.Thread(target=run, name="statement", daemon=True)
    cause: BaseException | None = None
    try:
        # Here, because Ctrl-C may come while this thread waits for the other one to start.
        thread.start()
        while not is_done.wait(INTERRUPT_EVERY_SECONDS):
            if clock() >= deadline:
                cause = StatementStopped(f"stopped after {timeout_seconds:g} s; raise --timeout")
                break
    except KeyboardInterrupt as error:
        cause = error
    if cause is not None:
        _end(connection, is_done, cause, clock)
        raise cause
    if failures:
        raise failures[0]


def _end(
    connection: Interruptible,
    is_done: threading.Event,
    cause: BaseException,
    clock: Callable[[], float],
) -> None:
    last_moment = clock() + GRACE_SECONDS
    try:
        while clock() < last_moment:
            connection.interrupt()
            if is_done.wait(INTERRUPT_EVERY_SECONDS):
                return
    except KeyboardInterrupt as error:
        raise StatementHung(error) from None
    raise StatementHung(cause)


@contextmanager
def limited_memory(memory_bytes: int) -> Iterator[None]:
    """
    Limit what this process may allocate, while the block runs.

    DuckDB counts only its own buffers: texts and lists that a function makes are outside of its limit.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = _data_bytes() + memory_bytes + MEMORY_BESIDE_BYTES
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _data_bytes() -> int:
    """What counts towards the limit already."""
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    return 0
