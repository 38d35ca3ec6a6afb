"""Files without a name for rows that wait, which are written again when their rows have gone on."""

import os
from collections.abc import Callable
from pathlib import Path

from storage.disk import Disk


class SpareFiles:
    """
    Gives out files, and keeps those that come back: their space is written again.

    New space of a file costs the system several times as much processor time.

    Args:
        next_path: Returns a path for a new file.  Its name is removed at once, so it goes with the process.
    """

    def __init__(self, disk: Disk, next_path: Callable[[], Path]) -> None:
        self.disk = disk
        self._next_path = next_path
        self._spare: list[int] = []

    def take(self) -> int:
        """
        Return the descriptor of a file whose content is of no use; writing begins at its start.

        Raises:
            OSError: The disk refuses.
        """
        try:
            descriptor = self._spare.pop()
        except IndexError:
            return self._create()
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    def _create(self) -> int:
        path = self._next_path()
        descriptor = self.disk.create_scratch(path)
        try:
            self.disk.unlink(path)
        except BaseException:
            self.disk.close(descriptor)
            raise
        return descriptor

    def give_back(self, descriptor: int) -> None:
        """Keep a file whose content is of no use any more."""
        self._spare.append(descriptor)

    def close(self) -> None:
        """Give the space of the kept files back to the disk."""
        while self._spare:
            self.disk.close(self._spare.pop())
