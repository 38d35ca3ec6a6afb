"""
The table of a day: the list of summary files that it is the sum of, and of the table files that these are of.

A new list replaces the old one by a rename, so that a kill leaves one of the two.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import BrokenAggregate

FOLDER = "aggregates"
LIST_NAME = "table.json"
SUMMARY_SUFFIX = ".summary"
UNFINISHED_PREFIX = "."
PINGS = "pings"  # the table with a row for each ping
SEALED = "sealed"
"""The name of the one part of a sealed day; it is the sum of all tables."""


@dataclass(frozen=True, slots=True)
class Summarised:
    """One table file, and the digest of its summary."""

    table: str
    name: str
    rows: int
    digest: str

    @property
    def file_name(self) -> str:
        """The name of the summary file."""
        return summary_name(self.table, self.name)


@dataclass(frozen=True, slots=True)
class DayTable:
    """What the sums of one day are made of."""

    day: str  # YYYYMMDD
    version: str  # of the summariser
    parts: tuple[Summarised, ...]
    is_sealed: bool = False  # its records are gone: it is kept as it is

    @property
    def pings(self) -> int:
        """The number of pings; 0 for a sealed day."""
        return sum(part.rows for part in self.parts if part.table == PINGS)

    def as_text(self) -> str:
        """Return the list as JSON; equal lists give equal bytes."""
        parts = [[part.table, part.name, part.rows, part.digest] for part in self.parts]
        value = {"day": self.day, "version": self.version, "sealed": self.is_sealed, "parts": parts}
        return json.dumps(value, indent=0) + "\n"


def summary_name(table: str, name: str) -> str:
    """Return the name of the summary of the file *name* of *table*."""
    return f"{table}-{name.removesuffix('.parquet')}{SUMMARY_SUFFIX}"


def folder_of(root: DataRoot, day: str) -> Path:
    """Return the folder of the summaries of *day*."""
    return root.state / FOLDER / day


def days_with_table(root: DataRoot) -> list[str]:
    """Return the days that have a folder, in order."""
    folder = root.state / FOLDER
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.name.isdigit() and len(path.name) == 8)


def read_day_table(root: DataRoot, day: str) -> DayTable | None:
    """
    Return the table of *day*; None where there is none.

    Raises:
        BrokenAggregate: Its list is damaged.
    """
    path = folder_of(root, day) / LIST_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except ValueError:
        raise BrokenAggregate(f"{path}: damaged") from None
    try:
        value = json.loads(text)
        parts = tuple(
            Summarised(str(table), str(name), int(rows), str(digest))
            for table, name, rows, digest in value["parts"]
        )
        found = DayTable(value["day"], value["version"], parts, value["sealed"])
    except (ValueError, TypeError, KeyError):
        raise BrokenAggregate(f"{path}: damaged") from None
    if found.as_text() != text or found.day != day:
        raise BrokenAggregate(f"{path}: damaged")
    return found


def write_day_table(root: DataRoot, disk: Disk, table: DayTable) -> None:
    """
    Replace the list of the day.

    Raises:
        OSError: The disk refuses; the old list stays.
    """
    folder = folder_of(root, table.day)
    path = folder / f"{UNFINISHED_PREFIX}{LIST_NAME}"
    disk.unlink(path)
    descriptor = disk.create(path)
    try:
        disk.write(descriptor, [table.as_text().encode()])
        disk.sync_data(descriptor)
    finally:
        disk.close(descriptor)
    disk.rename(path, folder / LIST_NAME)
    disk.sync_directory(folder)


def unlisted(root: DataRoot, table: DayTable | None, day: str) -> Iterator[Path]:
    """Yield files in the folder of *day* that its table does not need."""
    wanted = {LIST_NAME} if table is None else {LIST_NAME, *(part.file_name for part in table.parts)}
    folder = folder_of(root, day)
    if folder.is_dir():
        yield from (path for path in sorted(folder.iterdir()) if path.name not in wanted)
