"""Imports of short commands: without garbage collection, and whole."""

import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager

_is_ours = False


def this_process_is_ours() -> None:
    """Note that this process only runs one command: what it has imported may be frozen."""
    global _is_ours  # noqa: PLW0603 - as the collector, it is one for the process
    _is_ours = True


@contextmanager
def uncollected() -> Iterator[None]:
    """
    Collect no garbage during imports, then freeze the imported objects: thousands that stay.

    Otherwise the collector looks at them about a hundred times, and once more at the end.  Nothing is frozen
    in another program that calls `main`: its own garbage would stay in memory.

    Ctrl-C waits until the imports are done: Python makes another error of one that comes while it makes a
    class, and loses one that comes while it drops a weak reference.
    """
    was_enabled = gc.isenabled()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT} if _is_ours else ())
    gc.disable()
    try:
        yield
    finally:
        if _is_ours:
            gc.freeze()
        if was_enabled:
            gc.enable()
        if _is_ours:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)  # Ctrl-C that was held raises here
