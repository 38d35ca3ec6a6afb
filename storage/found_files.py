"""What lies below ``converted/`` and ``quarantine/``, whether or not the ledger knows it."""

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
    """A file, by its place below the data root."""

    path: str
    length: int
    is_plain: bool = True  # a regular file, no link

    @property
    def number(self) -> int | None:
        """Its number, where its name and place are those of a partition file of ours."""
        parts = self.path.split("/")
        name = _PART.match(parts[-1])
        is_placed = len(parts) > 3 and (parts[0] != "quarantine" or len(parts) == 4)
        if name is None or not self.is_plain or not is_placed or not _DAY.match(parts[1]):
            return None
        return int(name[1])

    @property
    def final_path(self) -> str:
        """Its path; for a file on its way, the path that it was to have."""
        directory, _, name = self.path.rpartition("/")
        on_its_way = _TEMPORARY.match(name)
        return self.path if on_its_way is None else f"{directory}/{on_its_way[1]}"


def found_files(root: Path) -> Iterator[FoundFile]:
    """Every file below the stores of *root*, links too, in no order; what goes meanwhile is passed over."""
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
    """A file that holds records or refusals under its final name, or another's; None if there is none."""
    return next((found.path for found in found_files(root) if found.path == found.final_path), None)
