"""Moves files to ``state/stray/``: the server neither reads nor removes them there."""

import errno
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from storage.data_root import DataRoot
from storage.disk import Disk

COPY_BYTES = 1 << 20


class StrayFolder:
    """A new folder below ``state/stray/``, named by the time; created for the first file."""

    def __init__(self, root: DataRoot, disk: Disk, now: datetime) -> None:
        self._root = root
        self._disk = disk
        name, number = f"{now:%Y%m%dT%H%M%SZ}", 1
        self.path = root.stray / name
        while self.path.exists():
            number += 1
            self.path = root.stray / f"{name}-{number}"

    @property
    def place(self) -> str:
        """Where it is, below the data root."""
        return str(self.path.relative_to(self._root.path))

    def take(self, paths: Iterable[str]) -> None:
        """
        Move the files at *paths* (below the data root), each to its own path below the folder, durably.

        Raises:
            OSError: A disk operation failed.  Files already moved stay moved.
        """
        emptied = set()
        for path in paths:
            source, target = self._root.path / path, self.path / path
            if not os.path.lexists(source):
                continue  # moved by an earlier repair that was killed
            self._disk.make_directories(target.parent)
            self._move(source, target)
            self._disk.sync_directory(target.parent)
            emptied.add(source.parent)
        for folder in emptied:
            self._disk.sync_directory(folder)

    def _move(self, source: Path, target: Path) -> None:
        try:
            self._disk.rename_new(source, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # converted/ may be on a disk of its own.
            self._copy(source, target)
            self._disk.unlink(source)

    def _copy(self, source: Path, target: Path) -> None:
        descriptor = self._disk.create(target)
        try:
            with source.open("rb") as stream:
                while data := stream.read(COPY_BYTES):
                    self._disk.write(descriptor, [data])
            self._disk.sync(descriptor)
        finally:
            self._disk.close(descriptor)
