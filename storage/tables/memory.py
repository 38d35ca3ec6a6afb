"""How Arrow allocates."""

import ctypes
import os
from contextlib import suppress

# Options of glibc's malloc.h, with the variables by which an operator sets them.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
# Less than this is kept for what is allocated next: to return it costs a page fault for each 4 KiB.
RETURNED_AT_ONCE_BYTES = 4 << 20
_OPTIONS = (
    (M_ARENA_MAX, 1, "MALLOC_ARENA_MAX"),
    (M_MMAP_THRESHOLD, RETURNED_AT_ONCE_BYTES, "MALLOC_MMAP_THRESHOLD_"),
    (M_TRIM_THRESHOLD, 2 * RETURNED_AT_ONCE_BYTES, "MALLOC_TRIM_THRESHOLD_"),
)


def use_system_memory() -> None:
    """
    Let Arrow allocate as Python does, unless the operator chose; call it before PyArrow is imported.

    Arrow's own allocator keeps 20 MiB more of the freed memory.  So does glibc if each thread has its own
    arena, or if large columns are in the same heap as small values.  After this call new threads share an
    arena, and large columns return to the system as soon as they are freed.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    for option, value, variable in _OPTIONS:
        if variable not in os.environ:
            with suppress(OSError, AttributeError):  # another C library
                ctypes.CDLL(None).mallopt(option, value)
