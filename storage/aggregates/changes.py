"""
What changed in the tables of days that were over: a line of JSON for each change.

The first line says since when changes are noted.  A torn last line is left out.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from storage.aggregates.day_table import FOLDER, UNFINISHED_PREFIX
from storage.data_root import DataRoot
from storage.disk import Disk

NAME = "changes.jsonl"
# Of a longer file the older half is forgotten.
MAX_LINES = 20_000


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a day that was over."""

    at: str  # UTC, ISO 8601 to the second
    day: str  # YYYYMMDD
    before: int  # pings
    after: int


@dataclass(frozen=True, slots=True)
class Changes:
    """All changes since some time."""

    since: str
    changes: tuple[Change, ...] = ()


def read_changes(root: DataRoot) -> Changes | None:
    """Return what was noted; None if nothing was, or it cannot be read."""
    try:
        lines = _path(root).read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, ValueError):
        return None
    values = []
    for line in lines:
        try:
            values.append(json.loads(line))
        except ValueError:
            break
    try:
        return Changes(values[0]["since"], tuple(Change(**value) for value in values[1:]))
    except (IndexError, KeyError, TypeError):
        return None


def note_changes(root: DataRoot, disk: Disk, now: str, changes: Iterable[Change]) -> None:
    """
    Add *changes*; the first call begins the file.

    Raises:
        OSError: The disk refuses.
    """
    known = read_changes(root)
    new = tuple(changes)
    if known is not None and not new:
        return
    kept = Changes(now) if known is None else known
    every = (*kept.changes, *new)
    since = kept.since
    if len(every) > MAX_LINES:
        every = every[-MAX_LINES // 2 :]
        since = every[0].at
    lines = [json.dumps({"since": since}), *(json.dumps(_values(change)) for change in every)]
    path = root.state / FOLDER / f"{UNFINISHED_PREFIX}{NAME}"
    disk.unlink(path)
    descriptor = disk.create(path)
    try:
        disk.write(descriptor, ["".join(f"{line}\n" for line in lines).encode()])
        disk.sync_data(descriptor)
    finally:
        disk.close(descriptor)
    disk.rename(path, _path(root))


def _values(change: Change) -> dict[str, str | int]:
    return {"at": change.at, "day": change.day, "before": change.before, "after": change.after}


def _path(root: DataRoot) -> Path:
    return root.state / FOLDER / NAME
