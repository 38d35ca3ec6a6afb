"""Garbage collection of short commands."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """
    Collect no garbage during imports, then freeze the imported objects: thousands that stay.

    Otherwise the collector looks at them about a hundred times, and once more at the end.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
