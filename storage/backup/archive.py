"""
Writes a backup: one consistent tar archive, while conversion continues.

The ledger is copied first.  Partition files only grow, so the part that this ledger counts does not
change; raw/ is read later and holds at least what the ledger counts as read.  Only merges and replays
remove files: then the backup starts again.
"""

import hashlib
import io
import os
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from storage.backup.contents import (
    LIST_NAME,
    CopyResult,
    FileDigest,
    Part,
    committed_parts,
    definition_parts,
    needed_segments,
    note_parts,
    packed_list,
    raw_parts,
)
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import NO_ROOM, LostFile, UnusablePlace
from storage.identity import Identity, new_identity
from storage.ledger.ledger import Ledger
from storage.ledger.opening import check_fit

ATTEMPTS = 5


def back_up(
    root: DataRoot,
    file: Path,
    disk: Disk,
    *,
    on_file: Callable[[], None] = lambda: None,
    on_total: Callable[[float], None] = lambda _: None,
) -> CopyResult:
    """
    Write the data root to the archive *file*, which appears whole, synced, or not at all.

    Raises:
        UnfitLedger: The ledger does not match the files; run `repair` first.
        LostFile: A committed file is missing.
        UnusablePlace: *file* cannot be made.
        FileExistsError: *file* exists.
        OSError: Something cannot be read, or the disk refuses.
    """
    check_fit(root)
    partial = file.with_name(f".{file.name}.partial")
    attempts = 0
    while True:
        attempts += 1
        try:
            copied = _write_whole(root, partial, disk, on_file, on_total)
        except (LostFile, FileNotFoundError):
            # Was it merged, or removed after its retention, since the ledger was copied?
            if attempts == ATTEMPTS:
                raise
            continue
        disk.rename_new(partial, file)
        disk.sync_directory(file.parent)
        return copied


def _write_whole(
    root: DataRoot,
    partial: Path,
    disk: Disk,
    on_file: Callable[[], None],
    on_total: Callable[[float], None],
) -> CopyResult:
    """Write the archive *partial*, synced; after an exception it is removed."""
    copy = partial.with_name(f"{partial.name}.ledger")
    try:
        disk.unlink(partial)
        _clear(copy, disk)
        descriptor = disk.create(partial)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        reason = f"{error.strerror or error}; name a file in another folder"
        raise UnusablePlace(f"{partial.parent}: the backup cannot be written here: {reason}") from error
    try:
        with open(descriptor, "wb", closefd=False) as stream:
            copied = _write(root, copy, stream, on_file, on_total)
        disk.sync(descriptor)
    except BaseException:
        disk.unlink(partial)
        raise
    finally:
        disk.close(descriptor)
        _clear(copy, disk)
    return copied


def _clear(copy: Path, disk: Disk) -> None:
    """Remove the copy of a ledger, with the files that SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        disk.unlink(copy.with_name(f"{copy.name}{suffix}"))


def _write(
    root: DataRoot,
    copy: Path,
    stream: BinaryIO,
    on_file: Callable[[], None],
    on_total: Callable[[float], None],
) -> CopyResult:
    sums: dict[str, FileDigest] = {}
    # First of all: raw/, which is read later, then has at least what these positions count.
    positions = root.queue_positions.read_bytes() if root.queue_positions.exists() else b""
    identity = _copy_ledger(root, copy)
    with Ledger(copy, read_only=True) as ledger:
        parts = list(committed_parts(root, ledger))
        needed = needed_segments(ledger)
    on_total(len(parts))
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        text = identity.packed()
        _add(archive, sums, Part(".identity", len(text)), io.BytesIO(text))
        with copy.open("rb") as source:
            _add(archive, sums, Part("state/ledger.sqlite", copy.stat().st_size), source)
        if positions:
            _add(archive, sums, Part("state/queue.json", len(positions)), io.BytesIO(positions))
        if root.access.exists():
            with root.access.open("rb") as source:
                # A whole new file may replace it at any time, so the open one is measured.
                length = os.fstat(source.fileno()).st_size
                _add(archive, sums, Part("state/access.json", length), source)
        for part in _all(parts, root):
            with (root.path / part.path).open("rb") as source:
                _add(archive, sums, part, source)
            on_file()
        if (lost := next(iter(needed - sums.keys()), None)) is not None:
            raise LostFile(lost)
        text = packed_list(sums)
        _add(archive, {}, Part(LIST_NAME, len(text)), io.BytesIO(text))
    return CopyResult(len(sums), sum(each.length for each in sums.values()))


def _all(parts: list[Part], root: DataRoot) -> Iterator[Part]:
    yield from parts
    yield from raw_parts(root)
    yield from note_parts(root)
    yield from definition_parts(root)


def _copy_ledger(root: DataRoot, copy: Path) -> Identity:
    """Write a consistent copy of the ledger to *copy*; return its identity."""
    with Ledger.for_reading(root) as ledger:
        ledger.copy_to(copy)
    with Ledger(copy) as opened:
        root_id = opened.root_id()
        identity = new_identity() if root_id is None else Identity(root_id, opened.counter("commit"))
        if root_id is None:
            with opened.transaction() as transaction:
                transaction.name_root(identity.root_id)
    connection = sqlite3.connect(copy)
    try:
        # One file, without a log beside it.
        connection.execute("PRAGMA journal_mode = DELETE")
    finally:
        connection.close()
    return identity


def _add(archive: tarfile.TarFile, sums: dict[str, FileDigest], part: Part, source: BinaryIO) -> None:
    info = tarfile.TarInfo(part.path)
    info.size, info.mode = part.length, 0o600
    reader = _Summing(source)
    try:
        archive.addfile(info, reader)
    except OSError as error:
        if type(error) is OSError and error.errno is None:  # raised by tarfile: the source ended early
            raise LostFile(part.path) from error
        raise
    sums[part.path] = FileDigest(part.length, reader.hexdigest())


class _Summing:
    """A stream that computes the digest of the bytes read from it."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._digest.update(data)
        return data

    def hexdigest(self) -> str:
        return self._digest.hexdigest()
