"""Lists the files below ``converted/`` and ``quarantine/``, with or without an entry in the ledger."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

STORES = ("converted", "quarantine")
_PART = re.compile(r"part-([0-9]{10})\.zst\Z")
_TEMPORARY = re.compile(r"\.(part-[0-9]{10}\.zst)\.tmp\Z")
_DAY = re.compile(r"[0-9]{8}\Z")


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file, by its path relative to the data root."""

    path: str
    length: int
    is_plain: bool = True  # a regular file, not a link

    @property
    def number(self) -> int | None:
        """Its number if name and folder are those of a partition file, else None."""
        parts = self.path.split("/")
        name = _PART.match(parts[-1])
        is_placed = len(parts) > 3 and (parts[0] != "quarantine" or len(parts) == 4)
        if name is None or not self.is_plain or not is_placed or not _DAY.match(parts[1]):
            return None
        return int(name[1])

    @property
    def final_path(self) -> str:
        """Its path; for a temporary file the final path."""
        directory, _, name = self.path.rpartition("/")
        temporary = _TEMPORARY.match(name)
        return self.path if temporary is None else f"{directory}/{temporary[1]}"


def found_files(root: Path) -> Iterator[FoundFile]:
    """Yield every file below the stores of *root*, links too, unsorted; skip files that vanish meanwhile."""
    for store in STORES:
        yield from _below(root / store, store)


def _below(folder: Path, name: str) -> Iterator[FoundFile]:
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        path = f"{name}/{entry.name}"
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _below(folder / entry.name, path)
            else:
                length = entry.stat(follow_symlinks=False).st_size
                yield FoundFile(path, length, entry.is_file(follow_symlinks=False))
        except FileNotFoundError:
            continue


def first_stored_file(root: Path) -> str | None:
    """Return the path of any file that is not temporary; None if there is none."""
    return next((found.path for found in found_files(root) if found.path == found.final_path), None)
