"""An archive in a folder, such as a mounted disk or a network share."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.archive.object_store import NoObject
from storage.disk import Disk
from storage.errors import NO_ROOM, ArchiveAway, ArchiveFull, ArchiveRefused, ArchiveTaken

CHUNK_BYTES = 1 << 20
UNFINISHED = ".unfinished"
"""The folder of copies that are being written."""


class FolderStore:
    """Objects are files below *folder*."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self._folder = folder
        self._disk = disk or Disk()

    def read(self, key: str, start: int, end: int) -> bytes:
        """Return the bytes of an object between two places."""
        with self._translated(key), (self._folder / key).open("rb") as file:
            file.seek(start)
            return file.read(end - start)

    def chunks(self, key: str) -> Iterator[bytes]:
        """Yield all bytes of an object."""
        with self._translated(key), (self._folder / key).open("rb") as file:
            while data := file.read(CHUNK_BYTES):
                yield data

    def put(self, key: str, data: bytes | Path) -> None:
        """Store an object, or replace it."""
        with self._translated(key):
            path, unfinished = self._written(key, data)
            with _only_writer(path):
                self._disk.rename(unfinished, path)
            self._disk.sync_directory(path.parent)

    def put_new(self, key: str, data: bytes) -> bool:
        """Store an object; return False, with nothing changed, where one has the key."""
        with self._translated(key):
            path, unfinished = self._written(key, data)
            try:
                with _only_writer(path):
                    self._disk.rename_new(unfinished, path)
            except FileExistsError:
                self._disk.unlink(unfinished)
                return False
            self._disk.sync_directory(path.parent)
            return True

    def size(self, key: str) -> int | None:
        """Return the number of bytes of an object; None if there is none."""
        with self._translated(key):
            try:
                return (self._folder / key).stat().st_size
            except FileNotFoundError:
                # Is the object missing, or the whole folder?
                if any(self._folder.iterdir()):
                    return None
                raise
        raise AssertionError("unreachable")

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        path = self._folder / key
        with self._translated(key):
            if path.exists():
                self._disk.unlink(path)
                self._disk.sync_directory(path.parent)

    def remove_unfinished(self) -> None:
        """Remove unfinished copies of killed writers."""
        with self._translated(UNFINISHED):
            for unfinished in (self._folder / UNFINISHED).glob("*"):
                self._disk.unlink(unfinished)

    def _written(self, key: str, data: bytes | Path) -> tuple[Path, Path]:
        """Write *data* to the folder of unfinished copies, synced; return the final path and that one."""
        path = self._folder / key
        # Not a process id: two machines that share the folder may have the same one.
        unfinished = self._folder / UNFINISHED / os.urandom(8).hex()
        self._disk.make_directories(path.parent)
        self._disk.make_directories(unfinished.parent)
        descriptor = self._disk.create(unfinished)
        try:
            for chunk in _chunks_of(data):
                self._disk.write(descriptor, [chunk])
            self._disk.sync(descriptor)
        except BaseException:
            self._disk.unlink(unfinished)
            raise
        finally:
            self._disk.close(descriptor)
        return path, unfinished

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        """Raise errors of the archive in place of those of the disk."""
        place = self._folder / key
        try:
            yield
        except FileNotFoundError as error:
            if self._folder.is_dir() and any(self._folder.iterdir()):
                raise NoObject(key) from None
            raise ArchiveAway(
                f"{self._folder}: the folder of the archive is not there, or empty; is it mounted?"
            ) from error
        except PermissionError as error:
            raise ArchiveRefused(f"{place}: not permitted in the archive; check its owner") from error
        except OSError as error:
            if error.errno in NO_ROOM:
                raise ArchiveFull(
                    f"{self._folder}: the archive is full; free some space there ({error.strerror})"
                ) from error
            raise ArchiveAway(f"{place}: the archive cannot be used: {error.strerror or error}") from error


@contextmanager
def _only_writer(path: Path) -> Iterator[None]:
    """Raise `ArchiveTaken` if another process removed the unfinished copy of *path*."""
    try:
        yield
    except FileNotFoundError as error:
        if not path.parent.is_dir():
            raise
        raise ArchiveTaken(f"{path}: another process writes it, too; an archive has one writer") from error


def _chunks_of(data: bytes | Path) -> Iterator[bytes]:
    if isinstance(data, bytes):
        yield data
        return
    with data.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
