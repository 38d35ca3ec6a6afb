"""Garbage collection of short commands."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """
    Collect no garbage while modules are imported, nor later what they made: thousands of objects that stay.

    The collector would look at them a hundred times, and once more at the end.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
