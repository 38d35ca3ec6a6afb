"""
The filesystem as the stores use it, and the only place that syncs.

Everything that must survive a crash goes through a `Disk`, so that tests can
pass one that fails at the n-th operation or loses what was not synced.  With the
real one, the usual commits of the raw store are written and synced in C
(`storage.raw.handover`).
"""

import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

APPEND_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
PAGE_BYTES = 4096
SCRATCH_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class FilesystemSpace:
    """Free and total bytes and inodes of a filesystem (0 inodes if their number is not fixed)."""

    free_bytes: int
    total_bytes: int
    free_inodes: int
    total_inodes: int


class Disk:
    """The real filesystem.  Every method raises `OSError` as the kernel gives it."""

    def create(self, path: Path) -> int:
        """Create *path* for appending, private to its owner; it must not exist.  Returns the descriptor."""
        return os.open(path, APPEND_FLAGS, 0o600)

    def create_scratch(self, path: Path) -> int:
        """Create *path*, which must not exist, for data that is written and read again but never synced."""
        return os.open(path, SCRATCH_FLAGS, 0o600)

    def open_append(self, path: Path) -> int:
        """Open the existing *path* for appending; links are not followed."""
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)

    def open_direct(self, path: Path) -> int:
        """
        Open *path* for appending whole pages without the page cache; -1 where that is not possible.

        Not where blocks are larger: a reader could have a part of the last block in the page cache.
        """
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_DIRECT | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return -1
        if os.fstat(descriptor).st_blksize <= PAGE_BYTES:
            return descriptor
        os.close(descriptor)
        return -1

    def write(self, descriptor: int, buffers: Sequence[bytes | memoryview]) -> int:
        """Append all of *buffers*, finishing short writes.  Returns how many bytes that was."""
        total = 0
        pending = [memoryview(buffer) for buffer in buffers if len(buffer)]
        while pending:
            # IOV_MAX is 1,024 on Linux.
            written = self.write_some(descriptor, pending[:1024])
            total += written
            while pending and written >= len(pending[0]):
                written -= len(pending.pop(0))
            if written:
                pending[0] = pending[0][written:]
        return total

    def write_some(self, descriptor: int, buffers: Sequence[memoryview]) -> int:
        """Append as much of *buffers* as one call takes.  Returns how many bytes that was."""
        return os.writev(descriptor, buffers)

    def lock(self, descriptor: int) -> None:
        """Hold an open file's lock until it is closed; `BlockingIOError` if another holds it."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def reserve(self, path: Path, length_bytes: int) -> None:
        """Create the file *path* with *length_bytes* of reserved space."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, length_bytes)
        finally:
            os.close(descriptor)

    def room(self, path: Path) -> FilesystemSpace:
        """Return the free and total space of the filesystem of *path*."""
        found = os.statvfs(path)
        return FilesystemSpace(
            found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize, found.f_favail, found.f_files
        )

    def sync_data(self, descriptor: int) -> None:
        """Wait until the bytes and the size of an open file are on stable storage."""
        os.fdatasync(descriptor)

    def sync(self, descriptor: int) -> None:
        """Wait until the bytes and all metadata of an open file are on stable storage."""
        os.fsync(descriptor)

    def sync_directory(self, path: Path) -> None:
        """Wait until the names in the directory *path* are on stable storage."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def make_directory(self, path: Path) -> None:
        """Create *path* if it does not exist; the caller syncs its parent."""
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            if not path.is_dir():
                raise

    def make_directories(self, path: Path) -> None:
        """Create *path* and its missing parents, each name synced in the directory that holds it."""
        missing = []
        while not path.is_dir():
            missing.append(path)
            path = path.parent
        for directory in reversed(missing):
            self.make_directory(directory)
            self.sync_directory(directory.parent)

    def close(self, descriptor: int) -> None:
        """Close an open file."""
        os.close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Move *source* over *target*; the caller syncs the directory."""
        source.rename(target)

    def rename_new(self, source: Path, target: Path) -> None:
        """
        Move *source* to *target*, never over an existing file; the caller syncs the directory.

        A crash between link and unlink leaves the file under both names.

        Raises:
            FileExistsError: *target* exists; nothing changed.
        """
        os.link(source, target, follow_symlinks=False)
        source.unlink()

    def truncate(self, path: Path, length_bytes: int) -> None:
        """Cut *path* to *length_bytes*."""
        os.truncate(path, length_bytes)

    def unlink(self, path: Path) -> None:
        """Remove *path* if it exists."""
        path.unlink(missing_ok=True)
