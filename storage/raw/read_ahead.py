"""
Has the kernel read a segment a little ahead of its scan.

By itself the kernel reads up to 8 MiB at a time on some disks, and the syncs of new submissions wait
meanwhile.
"""

import os
from contextlib import suppress

READ_AHEAD_BYTES = 1 << 18
STEP_BYTES = 1 << 17  # of a longer stretch some disks read only the beginning


class ReadAhead:
    """
    What is asked of the kernel for an open segment; a file system may refuse it.

    Args:
        descriptor: The segment; the kernel reads what is asked for, and nothing by itself.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._until = 0  # what is before was asked for
        with suppress(OSError):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)

    def reach(self, place: int) -> None:
        """Ask for `READ_AHEAD_BYTES` from *place* on, and for what was passed over: it is converted next."""
        if place < self._until:
            return
        start, self._until = self._until or place, place + READ_AHEAD_BYTES
        with suppress(OSError):
            for step in range(start, self._until, STEP_BYTES):
                os.posix_fadvise(self._descriptor, step, STEP_BYTES, os.POSIX_FADV_WILLNEED)
