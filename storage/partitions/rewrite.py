"""Replaces a committed file by one without some of its lines, in one transaction of the ledger."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.ledger.transaction import Transaction
from storage.ledger.values import StoredFile
from storage.partitions.compact import CLOSED_LEVEL
from storage.partitions.frames import compress_frame, read_frames
from storage.partitions.writer import appear, doubt_new, remove_doubtful, temporary


def rewrite_file(
    root: Path,
    ledger: Ledger,
    disk: Disk,
    file: StoredFile,
    *,
    is_kept: Callable[[bytes], bool],
    also: Callable[[Transaction], None],
) -> StoredFile | None:
    """
    Replace *file* by a new one with the lines that *is_kept* accepts; return it, None where no line is left.

    Frames whose lines all stay are copied as they are.  The caller holds the converter's lock.

    Args:
        also: Other changes in the commit that replaces the file.

    Raises:
        OSError, StorageError: The disk refuses; either nothing changed for readers, or all did.
        EOFError, DamagedFrame: The file is damaged; nothing changed.
    """
    remove_doubtful(root, ledger, disk)
    with ledger.transaction() as transaction:
        name = f"part-{transaction.number_files(1):010}.zst"
        target = replace(file, name=name, length=0, records=0, frames=0, closed=True)
        doubt_new(root, transaction, [target.path])
    tabled = ledger.tabled_length(file.directory, file.name) or 0
    target, new_tabled = _write(root, disk, file, target, is_kept=is_kept, tabled=tabled)
    with ledger.transaction() as transaction:
        if target.records:
            transaction.put_file(target)
            transaction.confirm([target.path])
            if new_tabled:
                transaction.move_tabled(target.directory, target.name, new_tabled)
        transaction.drop_file(file)
        also(transaction)
    remove_doubtful(root, ledger, disk)
    if not target.records:
        _remove_empty_folders(root, root / file.directory)
    return target if target.records else None


def _write(
    root: Path,
    disk: Disk,
    file: StoredFile,
    target: StoredFile,
    *,
    is_kept: Callable[[bytes], bool],
    tabled: int,
) -> tuple[StoredFile, int]:
    """Write the lines that stay; return the new file, and how much of it is in the tables."""
    path = root / target.path
    new_tabled = 0
    disk.unlink(temporary(path))
    descriptor = disk.create(temporary(path))
    try:
        with (root / file.path).open("rb") as stream:
            for data, records, end in _frames(stream, file.length, is_kept):
                if records:
                    disk.write(descriptor, [data])
                    target = replace(
                        target,
                        length=target.length + len(data),
                        records=target.records + records,
                        frames=target.frames + 1,
                    )
                if end <= tabled:
                    new_tabled = target.length
            before = os.fstat(stream.fileno())
        # Retention of quarantine goes by the time of the last change.
        os.utime(descriptor, ns=(before.st_atime_ns, before.st_mtime_ns))
        disk.sync(descriptor)
    finally:
        disk.close(descriptor)
    appear(root, target.path, disk)
    disk.sync_directory(path.parent)
    return target, new_tabled


def _frames(
    stream: BinaryIO, length: int, is_kept: Callable[[bytes], bool]
) -> Iterator[tuple[bytes, int, int]]:
    """Yield each frame of the new file, its number of lines, and where its lines end in the old one."""
    start = 0
    for lines, end in read_frames(stream, 0, length):
        kept = [line for line in lines if is_kept(line)]
        if len(kept) == len(lines):
            data = os.pread(stream.fileno(), end - start, start)
        else:
            data = compress_frame(b"\n".join([*kept, b""]), CLOSED_LEVEL) if kept else b""
        yield data, len(kept), end
        start = end


def _remove_empty_folders(root: Path, folder: Path) -> None:
    """Remove *folder* and the folders above it that are empty, up to the store."""
    while folder.parent.parent != root:
        with suppress(OSError):
            folder.rmdir()
        folder = folder.parent
