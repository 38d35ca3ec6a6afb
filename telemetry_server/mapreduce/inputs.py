"""The committed files that a job reads, held open so that compaction cannot take them away."""

import errno
import os
import resource
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from storage.archive.object_reading import open_object
from storage.data_root import DataRoot
from storage.errors import LostFile
from storage.ledger.archived_files import ArchivedObject
from storage.ledger.ledger import Ledger
from storage.open_files import opened
from storage.partitions.partition_path import CONVERTED, PartitionKey
from storage.partitions.reader import dimensions_by_schema
from storage.partitions.schema import SUBMISSION_DATE, PartitionSchema
from telemetry_server.mapreduce.errors import UnusableFolder
from telemetry_server.mapreduce.filter import FolderFilter

OPEN_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class InputFile:
    """One committed file: its first *length* bytes are read."""

    order: int  # its place among all files of the job, by path
    path: str  # below the data root
    directory: str  # below converted/
    dims: tuple[str, ...]  # what `map` gets: the folders, the day last
    length: int
    records: int
    archived: ArchivedObject | None = None  # its copy in the archive


@dataclass(frozen=True, slots=True)
class Selection:
    """The files that a filter selects, by path, and how many others each dimension excluded."""

    files: tuple[InputFile, ...]
    pruned: Mapping[str, int]

    @property
    def records(self) -> int:
        """How many records the files have."""
        return sum(file.records for file in self.files)


def known_dimensions(ledger: Ledger) -> tuple[str, ...]:
    """Return the dimensions that a filter may name."""
    names = {name: None for fields in dimensions_by_schema(ledger).values() for name in fields}
    return tuple(names) or PartitionSchema.default().field_names


def select_files(ledger: Ledger, wanted: FolderFilter) -> Selection:
    """Return the committed files that *wanted* selects, level by level; no file is opened."""
    schemas = dimensions_by_schema(ledger)
    archived = ledger.archived_objects()
    files: list[InputFile] = []
    pruned: Counter[str] = Counter()
    refusals: dict[tuple[str, int], str | None] = {}
    for file in ledger.files(CONVERTED):
        key = PartitionKey.parse(file.directory)
        group = file.directory, file.schema_id
        if group not in refusals:
            levels = zip(schemas.get(file.schema_id, ()), key.folders, strict=False)
            refusals[group] = wanted.refusing([(SUBMISSION_DATE, key.day), *levels])
        refusing = refusals[group]
        if refusing is not None:
            pruned[refusing] += 1
        elif file.length:
            dims = (*key.folders, key.day)
            directory = file.directory.removeprefix(f"{CONVERTED}/")
            files.append(
                InputFile(
                    len(files),
                    file.path,
                    directory,
                    dims,
                    file.length,
                    file.records,
                    archived.get(file.path),
                )
            )
    return Selection(tuple(files), dict(pruned))


@dataclass(frozen=True, slots=True)
class HeldFiles:
    """How another process of this machine opens files that may be gone from their folders."""

    root: Path
    holder: int  # process that holds them open
    descriptors: Mapping[int, int]  # by the order of the file

    def open(self, file: InputFile) -> BinaryIO:
        """
        Open *file*.

        Raises:
            OSError: It cannot be opened.
            ArchiveError: Reading it raises this where it is only in the archive.
        """
        try:
            return (self.root / file.path).open("rb")
        except FileNotFoundError:
            descriptor = self.descriptors.get(file.order)
            if descriptor is None:
                if file.archived is None:
                    raise
                return open_object(file.archived)
            return Path(f"/proc/{self.holder}/fd/{descriptor}").open("rb")


class Snapshot:
    """
    The selected files of one moment, open.  Use it with ``with``; leaving closes them.

    Args:
        select: Reads the ledger; called again where a listed file was merged meanwhile.
    """

    def __init__(self, root: DataRoot, select: Callable[[], Selection]) -> None:
        self._root = root
        self._select = select
        self._descriptors: dict[int, int] = {}
        self.selection = Selection((), {})

    def __enter__(self) -> "Snapshot":
        for _ in range(OPEN_ATTEMPTS):
            self.selection = self._select()
            missing = self._open()
            if missing is None:
                return self
        raise LostFile(str(missing))

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def held(self) -> HeldFiles:
        """How mappers open the files."""
        return HeldFiles(self._root.path, os.getpid(), dict(self._descriptors))

    def close(self) -> None:
        """Close all files."""
        while self._descriptors:
            os.close(self._descriptors.popitem()[1])

    def _open(self) -> Path | None:
        """Open the files, but for those that are only in the archive; return the first that is missing."""
        path = self._root.path
        try:
            for file in self.selection.files:
                path = self._root.path / file.path
                try:
                    self._descriptors[file.order] = _opened(path)
                except FileNotFoundError:
                    if file.archived is None:
                        raise
        except FileNotFoundError:
            self.close()
            return path
        except BaseException:
            self.close()
            raise
        return None


def _opened(path: Path) -> int:
    try:
        return opened(path)
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        raise UnusableFolder(
            f"the filter selects more files than this process may open ({most}): narrow it, run"
            " telemetry-server compact, or raise ulimit -n"
        ) from None
