"""
Appends frames to partition files, as part of a ledger transaction.

A partition has one open file.  Its committed length is in the ledger, so
bytes that a crash left past it are truncated by `recover`, and a file that was
never committed is removed.  A new file appears under its final name whole.
"""

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from storage.disk import Disk
from storage.errors import StrayFile
from storage.ledger.ledger import Ledger
from storage.ledger.transaction import Transaction
from storage.ledger.values import StoredFile
from storage.partitions.lasting_folders import LastingFolders
from storage.partitions.paced_writes import PacedWrites

Synced = TypeVar("Synced")  # a descriptor, or a folder

MAX_FILE_BYTES = 128 << 20
OPEN_AT_ONCE = 64
SYNC_THREADS = 8


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame to be appended to a partition."""

    directory: str  # below the data root
    data: bytes | memoryview
    records: int


@dataclass(frozen=True, slots=True)
class Appended:
    """The bytes that a commit added to a file."""

    directory: str
    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a recovery found and fixed."""

    removed_files: int = 0
    cut_files: int = 0
    lost_files: tuple[str, ...] = ()  # committed bytes are missing: a disk failure, or changed by hand


def temporary(path: Path) -> Path:
    """Return the path of a file until it is complete: hidden, in the same directory."""
    return path.with_name(f".{path.name}.tmp")


def doubt_new(root: Path, transaction: Transaction, paths: Iterable[str]) -> None:
    """
    Record *paths* below *root* as doubtful: files that are about to be created.

    Raises:
        StrayFile: One exists already.  Recovery would remove it, so it must not become doubtful.
    """
    for path in paths:
        if os.path.lexists(root / path):
            raise StrayFile(path)
        transaction.stage([path])


def appear(root: Path, path: str, disk: Disk) -> None:
    """
    Give the whole file its final name *path* below *root*; the caller syncs the directory.

    Raises:
        StrayFile: Another file has that name; neither is changed.
        OSError: The disk refuses.
    """
    try:
        disk.rename_new(temporary(root / path), root / path)
    except FileExistsError:
        raise StrayFile(path) from None


def remove_doubtful(root: Path, ledger: Ledger, disk: Disk) -> int:
    """
    Remove doubtful files that were never committed; return how many.

    Raises:
        OSError, LedgerError: The disk refuses.
    """
    doubtful = ledger.doubtful()
    committed = ledger.committed(doubtful)
    if doubtful:
        committed.update(file.path for file in ledger.table_files())
    removed = 0
    emptied = set()
    if any((root / path).exists() for path in doubtful if path not in committed):
        ledger.settle()
    for path in doubtful:
        names = [temporary(root / path)]
        if path not in committed:
            removed += (root / path).exists()
            names.append(root / path)
        for name in names:
            if name.exists():
                disk.unlink(name)
                emptied.add(name.parent)
    for directory in emptied:
        # Otherwise a power cut could bring a file back after its note is deleted.
        disk.sync_directory(directory)
    if doubtful:
        with ledger.transaction() as transaction:
            transaction.confirm(doubtful)
    return removed


class PartitionWriter:
    """Appends frames below *root*; the holder of the converter's lock owns it."""

    def __init__(
        self, root: Path, ledger: Ledger, disk: Disk, *, max_file_bytes: int = MAX_FILE_BYTES
    ) -> None:
        self._root = root
        self._ledger = ledger
        self._disk = disk
        self._max_file_bytes = max_file_bytes
        self._targets: dict[str, StoredFile] = {}
        self._folders = LastingFolders(root, disk)
        self._syncs = ThreadPoolExecutor(SYNC_THREADS, thread_name_prefix="partition-sync")

    def close(self) -> None:
        """Stop the threads that sync files."""
        self._syncs.shutdown()

    def recover(self) -> Recovered:
        """
        Restore the files to the ledger's state after a crash, a failed write, or another process's commits.

        Raises:
            OSError: The disk refuses.
        """
        removed = remove_doubtful(self._root, self._ledger, self._disk)
        self._targets = {}
        self._folders.forget()
        cut, lost = 0, []
        for file in self._ledger.files(open_only=True):
            path = self._root / file.path
            try:
                size = path.stat().st_size
            except FileNotFoundError:
                size = -1
            if size < file.length:
                lost.append(file.path)
                continue
            if size > file.length:
                if not cut:
                    self._ledger.settle()
                self._disk.truncate(path, file.length)
                cut += 1
            self._targets[file.directory] = file
        return Recovered(removed, cut, tuple(lost))

    def prepare(self, directories: Iterable[str], schema_id: int) -> None:
        """
        Choose a file for each of *directories*; new ones are recorded as doubtful first.

        Raises:
            StorageFull: No space for the ledger.
            StrayFile: A file that the ledger does not know has the name of a new one.
        """
        wanted = [
            directory
            for directory in sorted(set(directories))
            if (target := self._targets.get(directory)) is None
            or target.length >= self._max_file_bytes
            or target.schema_id != schema_id
        ]
        if not wanted:
            return
        with self._ledger.transaction() as transaction:
            first = transaction.number_files(len(wanted))
            fresh = []
            for number, directory in enumerate(wanted, first):
                if (full := self._targets.get(directory)) is not None and full.length:
                    transaction.put_file(replace(full, closed=True))
                fresh.append(StoredFile(directory, f"part-{number:010}.zst", 0, 0, 0, schema_id=schema_id))
            doubt_new(self._root, transaction, (file.path for file in fresh))
        self._targets.update((file.directory, file) for file in fresh)

    def write(self, transaction: Transaction, frames: Iterable[Frame]) -> list[Appended]:
        """
        Append *frames*, sync them, put the new lengths into *transaction*, and return what was added.

        After an exception nothing is committed; call `recover` before the next write.

        Raises:
            OSError: The disk refuses.
        """
        by_directory: dict[str, list[Frame]] = {}
        for frame in frames:
            by_directory.setdefault(frame.directory, []).append(frame)
        directories = list(by_directory)
        before = {name: self._targets[name].length for name in directories}
        for start in range(0, len(directories), OPEN_AT_ONCE):
            part = {name: by_directory[name] for name in directories[start : start + OPEN_AT_ONCE]}
            self._append(transaction, part)
        targets = (self._targets[name] for name in directories)
        return [Appended(file.directory, file.name, before[file.directory], file.length) for file in targets]

    def _sync_all(self, sync: Callable[[Synced], None], things: Collection[Synced]) -> None:
        """Sync *things* in all threads; each has its share, as handing over costs more CPU than a sync."""
        ordered = list(things)
        shares = [ordered[start::SYNC_THREADS] for start in range(min(SYNC_THREADS, len(ordered)))]

        def sync_share(share: list[Synced]) -> None:
            for thing in share:
                sync(thing)

        list(self._syncs.map(sync_share, shares))

    def _append(self, transaction: Transaction, frames: Mapping[str, list[Frame]]) -> None:
        opened: dict[str, int] = {}
        fresh: list[StoredFile] = []
        writes = PacedWrites(self._disk, partial(self._sync_all, self._disk.sync_data))
        try:
            for directory, parts in frames.items():
                target = self._targets[directory]
                path = self._root / target.path
                if target.length:
                    descriptor = self._disk.open_append(path)
                    opened[directory] = descriptor
                    if os.fstat(descriptor).st_size != target.length:
                        self._disk.truncate(path, target.length)
                else:
                    self._folders.make(directory)
                    self._disk.unlink(temporary(path))
                    opened[directory] = self._disk.create(temporary(path))
                    fresh.append(target)
                written = writes.write(opened[directory], [frame.data for frame in parts])
                self._targets[directory] = replace(
                    target,
                    length=target.length + written,
                    records=target.records + sum(frame.records for frame in parts),
                    frames=target.frames + len(parts),
                )
            writes.sync()
        finally:
            for descriptor in opened.values():
                self._disk.close(descriptor)
        for file in fresh:
            appear(self._root, file.path, self._disk)
        changed = {self._root / file.directory for file in fresh} | self._folders.unsynced
        self._sync_all(self._disk.sync_directory, changed)
        self._folders.synced()
        for directory in frames:
            transaction.put_file(self._targets[directory])
        transaction.confirm(file.path for file in fresh)
