"""Disks for tests: failing at the n-th operation, slow, full, or losing data without a sync."""

import errno
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from storage.disk import Disk, FilesystemSpace
from tests.support.waiting import PATIENCE_SECONDS

OPERATIONS = (
    "create",
    "open_append",
    "write_some",
    "sync_data",
    "sync",
    "sync_directory",
    "make_directory",
    "make_directories",
    "rename",
    "rename_new",
    "truncate",
    "unlink",
)


class FaultyDisk(Disk):
    """
    A disk that fails at the *nth* operation (from 1) of *operations*, *times* times.

    Args:
        error: The errno of the failure.
        short: Whether a failing write first writes half of its data.
    """

    def __init__(
        self,
        *operations: str,
        nth: int,
        error: int = errno.EIO,
        times: int = 1,
        short: bool = False,
    ) -> None:
        self.calls: list[str] = []  # every counted operation, in order
        self.failed = 0
        self._operations = operations or OPERATIONS
        self._nth, self._error, self._times, self._short = nth, error, times, short
        self._lock = threading.Lock()

    def _is_due(self, operation: str) -> bool:
        with self._lock:
            if operation not in self._operations:
                return False
            self.calls.append(operation)
            is_due = self._nth <= len(self.calls) < self._nth + self._times
            self.failed += is_due
            return is_due

    def _fail(self) -> OSError:
        return OSError(self._error, os.strerror(self._error))

    def write_some(self, descriptor: int, buffers: Sequence[memoryview]) -> int:
        if self._is_due("write_some"):
            if self._short:
                joined = b"".join(buffers)
                os.write(descriptor, joined[: len(joined) // 2])
            raise self._fail()
        return super().write_some(descriptor, buffers)


def _guarded(name: str) -> Callable[..., Any]:
    real = getattr(Disk, name)

    def operation(self: FaultyDisk, *args: Any) -> Any:
        if self._is_due(name):
            raise self._fail()
        return real(self, *args)

    return operation


for _name in OPERATIONS:
    if _name != "write_some":
        setattr(FaultyDisk, _name, _guarded(_name))


class StutteringDisk(Disk):
    """A disk that writes at most *most* bytes per call, like a pipe or a nearly full disk."""

    def __init__(self, most: int) -> None:
        self._most = most

    def write_some(self, descriptor: int, buffers: Sequence[memoryview]) -> int:
        return os.write(descriptor, buffers[0][: self._most])


class StuckDisk(Disk):
    """
    A disk whose data syncs wait until `let_go` is set.

    It is set at the end of the block too: ``async with a_writer(disk) as writer, disk``.  Otherwise a writer
    that closes after a failed assertion would wait for each sync.
    """

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.syncs = 0

    async def __aenter__(self) -> None:
        """Sync as before."""

    async def __aexit__(self, *_: object) -> None:
        self.let_go.set()

    def sync_data(self, descriptor: int) -> None:
        self.syncs += 1
        self.let_go.wait(PATIENCE_SECONDS)
        super().sync_data(descriptor)


class CrampedDisk(Disk):
    """A disk of a terabyte with the given number of free bytes."""

    def __init__(self, free_bytes: int) -> None:
        self.free_bytes = free_bytes
        self.looks = 0

    def room(self, path: Path) -> FilesystemSpace:
        self.looks += 1
        return FilesystemSpace(self.free_bytes, 1 << 40, 1000, 1000)


class FillingDisk(CrampedDisk):
    """A small disk that writes fill; other programs write *others* bytes each time."""

    def __init__(self, free_bytes: int, *, others_bytes: int = 0) -> None:
        super().__init__(free_bytes)
        self.others_bytes = others_bytes

    def write_some(self, descriptor: int, buffers: Sequence[memoryview]) -> int:
        written = super().write_some(descriptor, buffers)
        self.free_bytes -= written + self.others_bytes
        return written

    def sync_data(self, descriptor: int) -> None:
        """Do nothing, because filling a disk takes many commits."""


class ForgetfulDisk(Disk):
    """
    A disk that knows what a power cut would leave: synced bytes of synced names.

    The bytes of a file survive up to its length at its last sync.  A name survives if its
    directory was synced after it was added, and the directory survives itself.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._synced_lengths: dict[int, int] = {}  # by inode
        self._names: dict[Path, dict[str, int]] = {}  # inode by name of each directory, as synced
        self._note_names(root)

    def _note_names(self, directory: Path) -> None:
        with self._lock:
            self._names[directory] = {
                entry.name: entry.inode() for entry in os.scandir(directory) if not entry.is_symlink()
            }

    def _note_length(self, descriptor: int, length: int) -> None:
        with self._lock:
            inode = os.fstat(descriptor).st_ino
            self._synced_lengths[inode] = max(length, self._synced_lengths.get(inode, 0))

    def sync_data(self, descriptor: int) -> None:
        length = os.fstat(descriptor).st_size
        super().sync_data(descriptor)
        self._note_length(descriptor, length)

    def sync(self, descriptor: int) -> None:
        length = os.fstat(descriptor).st_size
        super().sync(descriptor)
        self._note_length(descriptor, length)

    def sync_directory(self, path: Path) -> None:
        super().sync_directory(path)
        self._note_names(path)

    def survivors(self, target: Path) -> None:
        """Write to *target* what a power cut at this moment would leave."""
        with self._lock:
            self._copy(self._root, target)

    def _copy(self, directory: Path, target: Path) -> None:
        target.mkdir()
        by_inode = {entry.inode(): entry for entry in os.scandir(directory)}
        for name, inode in self._names.get(directory, {}).items():
            entry = by_inode.get(inode)
            if entry is None:
                continue  # renamed or removed: POSIX guarantees neither state
            if entry.is_dir():
                self._copy(directory / entry.name, target / name)
            else:
                shutil.copyfile(entry.path, target / name)
                os.truncate(target / name, self._synced_lengths.get(inode, 0))
