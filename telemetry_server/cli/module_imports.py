"""Imports of the modules of a command: without garbage collection, and not interrupted."""

import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager

_runs_one_command = False


def this_process_runs_one_command() -> None:
    """Note that this process only runs one command: what it has imported may be frozen."""
    global _runs_one_command  # noqa: PLW0603 - as the collector, it is one for the process
    _runs_one_command = True


@contextmanager
def importing() -> Iterator[None]:
    """
    Collect no garbage during imports, hold Ctrl-C, and freeze the imported objects: thousands that stay.

    The collector would look at these objects about a hundred times, and once more at the end.  Nothing is
    frozen in another program that calls `main`: its own garbage would stay in memory.

    Ctrl-C waits until the imports are done: Python makes another error of one that comes while it makes a
    class, and loses one that comes while it drops a weak reference.
    """
    was_enabled = gc.isenabled()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT} if _runs_one_command else ())
    gc.disable()
    try:
        yield
    finally:
        if _runs_one_command:
            gc.freeze()
        if was_enabled:
            gc.enable()
        if _runs_one_command:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)  # Ctrl-C that was held raises here
