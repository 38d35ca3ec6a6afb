"""Garbage collection of short commands."""

import gc
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
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if _is_ours:
            gc.freeze()
        if was_enabled:
            gc.enable()
