"""
Parquet part files: written whole beside the tables, then installed in one commit.

A file is written and synced in the scratch folder, without a lock.  `install` moves files to
their places and commits them; files left by a crash before the commit are not read.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.ledger.table_files import TableFile
from storage.ledger.transaction import Transaction
from storage.partitions.writer import remove_doubtful
from storage.tables.part_writer import DiskFile, GroupWriter, PartWriter
from storage.tables.row_groups import EncodedRows

if TYPE_CHECKING:
    import pyarrow as pa

Writer = TypeVar("Writer", PartWriter, GroupWriter)

SCRATCH_FOLDER = "tables-unfinished"
PROCESS = os.urandom(4).hex()
"""Tells this process from an earlier one with its number."""


class TablesChanged(Exception):
    """Another process replaced the files; nothing was installed."""


@dataclass(frozen=True, slots=True)
class ScratchFile:
    """A whole, synced Parquet file that is not installed yet."""

    table: str
    day: str  # YYYYMMDD
    path: Path
    rows: int
    bytes: int
    is_merged: bool = False


def part_name(number: int) -> str:
    """Return the name of the part with *number*, which is never used again."""
    return f"part-{number:010}.parquet"


class Scratch:
    """The folder of unfinished files of this process; files of dead processes are removed."""

    def __init__(self, root: DataRoot, disk: Disk) -> None:
        self._folder = root.state / SCRATCH_FOLDER
        self._disk = disk
        self._numbers = count()  # rows may be spilled while another thread writes a file
        self._is_made = False

    def next_path(self) -> Path:
        """
        Return the path of a new file.

        Raises:
            OSError: The folder cannot be made or listed.
        """
        if not self._is_made:
            self._disk.make_directories(self._folder)
            for path in self._folder.iterdir():
                if not _is_of_living(path.name):
                    self._disk.unlink(path)
            self._is_made = True
        return self._folder / f"{os.getpid()}-{PROCESS}-{id(self):x}-{next(self._numbers)}.parquet"

    @contextmanager
    def writing(self, table: str, day: str, done: list[ScratchFile]) -> Iterator[PartWriter]:
        """
        Write one part file of *table*; it is appended to *done* after the block, whole and synced.

        Raises:
            OSError: The disk refuses; the file is removed.
        """
        with self._writing(table, day, done, PartWriter) as writer:
            yield writer

    @contextmanager
    def _writing(
        self, table: str, day: str, done: list[ScratchFile], make: Callable[[str, DiskFile], Writer]
    ) -> Iterator[Writer]:
        path = self.next_path()
        file = DiskFile(self._disk, path)
        try:
            writer = make(table, file)
            yield writer
            writer.finish()
            file.sync()
        except BaseException:
            file.end()
            with suppress(OSError):
                self._disk.unlink(path)
            raise
        file.end()
        done.append(ScratchFile(table, day, path, writer.rows, file.written))

    def write(self, table: str, day: str, rows: "Iterable[pa.RecordBatch] | EncodedRows") -> ScratchFile:
        """Write *rows*, which are sorted, as one part file, and return it."""
        done: list[ScratchFile] = []
        if isinstance(rows, EncodedRows):
            with self._writing(table, day, done, GroupWriter) as groups:
                for group in rows:
                    groups.write(group)
            return done[0]
        import pyarrow as pa

        with self.writing(table, day, done) as writer:
            for batch in rows:
                writer.write(pa.Table.from_batches([batch]))
        return done[0]

    def discard(self, files: Sequence[ScratchFile]) -> None:
        """Remove *files*, which will not be installed."""
        for file in files:
            self._disk.unlink(file.path)


def _is_of_living(name: str) -> bool:
    """Return whether the process that named a scratch file may still be writing it."""
    number, _, rest = name.partition("-")
    if not number.isdigit():
        return False
    if int(number) == os.getpid():
        return rest.startswith(PROCESS)
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def install(
    root: DataRoot,
    ledger: Ledger,
    disk: Disk,
    new: Sequence[ScratchFile],
    *,
    old: Sequence[TableFile] = (),
    also: Callable[[Transaction], None] = lambda _: None,
) -> list[TableFile]:
    """
    Replace *old* files by *new* ones in one commit; return the new files as committed.

    The caller holds the converter's lock.

    Args:
        also: Other changes in the same commit; an exception undoes all of them.

    Raises:
        TablesChanged: One of *old* is not committed any more.
        OSError, StorageError: The disk refuses; nothing changed for readers.
    """
    if old and not set(old) <= set(ledger.table_files()):
        raise TablesChanged
    with ledger.transaction() as transaction:
        first = transaction.number_files(len(new))
        files = [
            TableFile(file.table, file.day, part_name(number), file.rows, file.bytes)
            for number, file in enumerate(new, first)
        ]
        transaction.stage(file.path for file in files)
    folders = set()
    for scratch, file in zip(new, files, strict=True):
        path = root.path / file.path
        make_lasting(disk, root.path, path.parent)
        disk.rename(scratch.path, path)
        folders.add(path.parent)
    for folder in folders:
        disk.sync_directory(folder)
    with ledger.transaction() as transaction:
        also(transaction)
        for file in files:
            transaction.put_table_file(file)
        for gone in old:
            transaction.drop_table_file(gone)
        transaction.stage(gone.path for gone in old)
        transaction.confirm(file.path for file in files)
    if old:
        # Readers that have them open can still read them.
        remove_doubtful(root.path, ledger, disk)
    return files


def make_lasting(disk: Disk, root: Path, folder: Path) -> None:
    """Create *folder* below *root* and sync each level, as its creator may have died before the sync."""
    if folder.is_dir():
        return
    below = [place for place in folder.parents if place.is_relative_to(root) and place != root]
    for place in (*reversed(below), folder):
        if place.is_dir():
            disk.sync_directory(place.parent)
    disk.make_directories(folder)
