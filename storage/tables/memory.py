"""How Arrow allocates."""

import ctypes
import os
from contextlib import suppress

M_ARENA_MAX = -8  # of glibc's malloc.h


def use_system_memory() -> None:
    """
    Let Arrow allocate as Python does, unless the operator chose; call it before PyArrow is imported.

    Arrow's own allocator keeps 20 MiB more of what was freed.  So does glibc where each thread has an arena
    of its own: from here on new threads share one, if the operator did not set ``MALLOC_ARENA_MAX``.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if "MALLOC_ARENA_MAX" not in os.environ:
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
