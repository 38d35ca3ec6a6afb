"""Reads committed lines of one directory, or of the partitions that match a filter."""

import fnmatch
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from storage.archive.object_reading import open_stored
from storage.errors import DamagedObject, LostFile
from storage.ledger.ledger import Ledger
from storage.ledger.values import StoredFile
from storage.partitions.frames import DamagedFrame, read_lines
from storage.partitions.partition_path import PartitionKey, folder_name
from storage.partitions.schema import OTHER, Dimension, OneOf, parse_schema

OPEN_ATTEMPTS = 5


class RecordFolder(StrEnum):
    """Which folders hold the records with some value: the folder of that value, OTHER, or both."""

    ITSELF = "itself"
    OTHER = "other"
    BOTH = "both"  # after a change of the schema, records are under both


@dataclass(frozen=True, slots=True)
class Filter:
    """Selects partitions by a day and by values of dimensions, as clients write them."""

    day: str | None = None  # YYYYMMDD
    where: tuple[tuple[str, str], ...] = ()  # (dimension, value or pattern with * and ?)

    def matches(self, directory: str, dimensions: Sequence[str]) -> bool:
        """Whether *directory* (``converted/<day>/<value>/…``) may hold wanted records."""
        key = PartitionKey.parse(directory)
        if self.day is not None and key.day != self.day:
            return False
        held: Mapping[str, str] = dict(zip(dimensions, key.folders, strict=False))
        return all(
            name in held and fnmatch.fnmatchcase(held[name], folder_pattern(value))
            for name, value in self.where
        )


def folder_pattern(value: str) -> str:
    """Return the pattern of folder names for *value*: ``idle-d*`` becomes ``idle_d*``."""
    parts = []
    text = ""
    for character in value:
        if character in "*?":
            parts += [folder_name(text) if text else "", character]
            text = ""
        else:
            text += character
    return "".join(parts) + (folder_name(text) if text else "")


def dimensions_by_schema(ledger: Ledger) -> dict[int, tuple[str, ...]]:
    """Return the names of the folder levels of every schema that was ever used."""
    return {number: parse_schema(text).field_names for number, text in ledger.schemas().items()}


def filed_as_other(ledger: Ledger, condition: tuple[str, str]) -> RecordFolder:
    """Return where all schemas that were ever used file the values of *condition*."""
    name, value = condition
    dimensions = [
        dimension
        for text in ledger.schemas().values()
        for dimension in parse_schema(text).levels
        if dimension.field_name == name
    ]
    allowing = sum(_allows_some(dimension, folder_pattern(value)) for dimension in dimensions)
    if allowing == len(dimensions):
        return RecordFolder.ITSELF
    return RecordFolder.BOTH if allowing else RecordFolder.OTHER


def _allows_some(dimension: Dimension, pattern: str) -> bool:
    """Whether a folder of *dimension* can match *pattern*."""
    if dimension.any_value_of or fnmatch.fnmatchcase(OTHER, pattern):
        return True
    if isinstance(dimension.allowed, OneOf):
        return any(fnmatch.fnmatchcase(folder_name(each), pattern) for each in dimension.allowed.values)
    return any(wildcard in pattern for wildcard in "*?") or dimension.allowed.allows(pattern)


def matching_directories(ledger: Ledger, store: str, wanted: Filter) -> list[str]:
    """Return the matching directories of *store* (``converted`` or ``quarantine``), in order."""
    schemas = dimensions_by_schema(ledger)
    directories: dict[str, None] = {}
    for file in ledger.files(f"{store}/{wanted.day}" if wanted.day else store):
        dimensions = ("reason",) if store == "quarantine" else schemas.get(file.schema_id, ())
        if wanted.matches(file.directory, dimensions):
            directories[file.directory] = None
    return list(directories)


def open_directory(root: Path, ledger: Ledger, directory: str) -> list[tuple[BinaryIO, StoredFile]]:
    """
    Open the committed files of *directory* together, so that a compaction cannot remove one in between.

    Raises:
        LostFile: A committed file is missing, also at a second try.
    """
    for attempt in range(OPEN_ATTEMPTS):
        opened: list[tuple[BinaryIO, StoredFile]] = []
        try:
            for file in ledger.files(directory):
                if file.directory == directory:
                    opened.append((open_stored(root, file.path, ledger.archived_object), file))
        except FileNotFoundError as error:
            for stream, _ in opened:
                stream.close()
            if attempt == OPEN_ATTEMPTS - 1:
                raise LostFile(str(error.filename)) from None
        else:
            return opened
    return []


def read_directory(
    root: Path, ledger: Ledger, directory: str, *, on_damage: Callable[[str], None] | None = None
) -> Iterator[bytes]:
    """
    Yield the committed lines of *directory*, without newlines.

    Args:
        on_damage: Called with one line for each damaged file, whose intact lines are still returned;
            without it damage raises.

    Raises:
        LostFile: A committed file is missing.
        OSError: A file cannot be read.
        EOFError: A file is shorter than was committed.
        DamagedFrame: A frame's checksum disagrees.
        ArchiveError: A file is only in the archive, which does not answer, or has other bytes.
    """
    opened = open_directory(root, ledger, directory)
    try:
        for stream, file in opened:
            try:
                yield from read_lines(stream, file.length)
            except (EOFError, DamagedFrame, DamagedObject) as error:
                if on_damage is None:
                    raise
                on_damage(f"{file.path}: damaged: {error}")
    finally:
        for stream, _ in opened:
            stream.close()


def read_records(
    root: Path,
    ledger: Ledger,
    wanted: Filter,
    store: str = "converted",
    *,
    on_damage: Callable[[str], None] | None = None,
) -> Iterator[bytes]:
    r"""Yield lines ``<docid>\t<json>`` of every matching partition, without newlines; damage as above."""
    for directory in matching_directories(ledger, store, wanted):
        yield from read_directory(root, ledger, directory, on_damage=on_damage)
