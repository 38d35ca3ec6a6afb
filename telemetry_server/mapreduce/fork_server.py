"""The process that forks worker processes: it imports their modules once."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.context import ForkServerContext
from multiprocessing.forkserver import ensure_running

from telemetry_server.supervision.interpreter import is_installed

PRELOADED = ["telemetry_server.mapreduce.worker_process", "telemetry_server.mapreduce.python_runner"]
SAFE_PATH = "PYTHONSAFEPATH"
_SET_HERE = "telemetry-server"  # any text turns it on; this one says that the user did not set it


def started_context() -> ForkServerContext:
    """
    Start the process, which imports while this one goes on; return what makes processes of it.

    Ctrl-C is for this process: that one would print a traceback if it came during its imports.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with _safe_path():
        resource_tracker.ensure_running()  # what follows would start it too, and so unblock SIGINT
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)  # Ctrl-C that was held raises here
    return context


def take_interrupts() -> None:
    """Let a worker process, and the programs of its job, get SIGINT again; one that was held is dropped."""
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.signal(signal.SIGINT, handler)


def restore_environment() -> None:
    """Give a worker process the environment of the command, for the programs of its job."""
    if os.environ.get(SAFE_PATH) == _SET_HERE:
        del os.environ[SAFE_PATH]


@contextmanager
def _safe_path() -> Iterator[None]:
    """Start interpreters in which files of the working folder do not hide modules of Python."""
    before = os.environ.get(SAFE_PATH)
    if not before and is_installed():
        os.environ[SAFE_PATH] = _SET_HERE
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(SAFE_PATH, None)
        else:
            os.environ[SAFE_PATH] = before
