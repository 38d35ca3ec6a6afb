"""
A scratch database of every line below ``converted/`` and ``quarantine/``: no line is counted twice.

A crash, or a backup put over a newer state, can leave a file beside the one that replaced it
(compact, replay).  The replacement has the higher number.  So a file whose every line is in files
of higher numbers is not needed; one that shares only some of its lines is written again without them.

Lines are compared whole.  A refusal whose file outlived the replay that stored it counts beside the
record, as `replay` finds out when it is run again: its time and path alone do not prove it the same.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from storage.archive.object_reading import open_stored
from storage.found_files import FoundFile, found_files
from storage.ledger.archived_files import ArchivedObject
from storage.partitions.frames import whole_frames
from storage.partitions.partition_path import PartitionKey
from telemetry_server.repair.line_facts import Kind, LineFacts, line_digest, read_line

TABLES = """
CREATE TABLE lines (
    file_id INTEGER NOT NULL, line INTEGER NOT NULL, digest BLOB NOT NULL, arrival BLOB NOT NULL,
    kind INTEGER NOT NULL, PRIMARY KEY (file_id, line)
) WITHOUT ROWID;
CREATE INDEX by_digest ON lines (digest, file_id);
CREATE TABLE arrivals (arrival BLOB PRIMARY KEY, unmatched INTEGER NOT NULL, digest INTEGER NOT NULL,
    is_mixed INTEGER NOT NULL) WITHOUT ROWID;
"""
ONLY_HERE = """
SELECT line FROM lines AS mine WHERE file_id = :file AND NOT EXISTS (
    SELECT 1 FROM lines AS other WHERE other.digest = mine.digest AND other.file_id > mine.file_id)
"""
COUNT_ARRIVALS = """
INSERT INTO arrivals SELECT arrival, count(*), 0, max(kind = :refused) FROM lines
WHERE kind <> :histogram GROUP BY arrival
"""


@dataclass(slots=True)
class KnownFile:
    """A partition file, and how much of it is intact."""

    found: FoundFile
    file_id: int
    length: int = 0  # bytes, to the end of the last whole frame
    frames: int = 0
    lines: int = 0
    archived: ArchivedObject | None = None  # its copy in the archive
    wanted: frozenset[int] | None = None  # numbers of its lines that are in no other file; None for all

    @property
    def key(self) -> PartitionKey:
        """The folder that it is in."""
        return PartitionKey.of_file(self.found.path)


@dataclass(slots=True)
class Inventory:
    """The files that stay, those that do not, and a scratch database of all lines that stay."""

    scratch: sqlite3.Connection
    files: list[KnownFile] = field(default_factory=list)  # by number
    strays: list[str] = field(default_factory=list)  # not a partition file, or not needed
    damaged: list[str] = field(default_factory=list)  # one line each
    last_number: int = 0

    def close(self) -> None:
        """Close the temporary database."""
        self.scratch.close()

    def match(self, arrival: bytes, digest: int) -> bool:
        """Whether a submission of raw/ has its outcome in a file; each outcome is of one submission."""
        # Of several under one key (exports have one time for all) the first is the one that was stored,
        # unless one was refused before it.
        found = self.scratch.execute(
            "UPDATE arrivals SET unmatched = unmatched - 1,"
            " digest = iif(digest = 0 AND NOT is_mixed, ?, digest) WHERE arrival = ? AND unmatched > 0",
            (digest, arrival),
        )
        return found.rowcount > 0

    def digest_of(self, arrival: bytes) -> int | None:
        """The digest of the submission in raw/ that `match` found; None if it is not there any more."""
        row = self.scratch.execute("SELECT digest FROM arrivals WHERE arrival = ?", (arrival,)).fetchone()
        return None if row is None or row[0] == 0 else int(row[0])


def facts_of(root: Path, file: KnownFile) -> Iterator[tuple[int, bytes, LineFacts]]:
    """The lines of *file* that count, with their numbers and facts."""
    store = file.key.store
    for number, line in numbered_lines(root, file):
        if file.wanted is None or number in file.wanted:
            yield number, line, read_line(store, line)


def numbered_lines(root: Path, file: KnownFile) -> Iterator[tuple[int, bytes]]:
    """All whole lines of *file*."""
    number = 0
    with _opened(root, file) as stream:
        for end, text in whole_frames(stream):
            if end > file.length:
                return
            for line in text[:-1].split(b"\n"):
                yield number, line
                number += 1


def _opened(root: Path, file: KnownFile) -> BinaryIO:
    return open_stored(root, file.found.path, {file.found.path: file.archived}.get)


def take_inventory(
    root: Path,
    on_file: Callable[[], None] = lambda: None,
    copies: Mapping[str, ArchivedObject] | None = None,
) -> Inventory:
    """
    Read every partition file below *root*; *on_file* is called after each.  Nothing is changed.

    Args:
        copies: Files that have a copy in the archive, by path.  Those that are only there are read there.

    Raises:
        OSError: A file cannot be read.
        ArchiveError: The archive cannot be read.
    """
    copies = copies or {}
    # A private file of SQLite's own, which goes with the connection.
    inventory = Inventory(sqlite3.connect("", isolation_level=None, check_same_thread=False))
    inventory.scratch.execute("PRAGMA synchronous = OFF")
    inventory.scratch.executescript(TABLES)
    ours: list[tuple[int, FoundFile]] = []
    for found in found_files(root):
        number = found.number
        if number is None:
            inventory.strays.append(found.path)
        else:
            ours.append((number, found))
    there = {found.path for _, found in ours}
    for path, each in copies.items():
        number = FoundFile(path, each.length).number
        if path not in there and number is not None:
            ours.append((number, FoundFile(path, each.length)))
    ours.sort(key=lambda pair: (pair[0], pair[1].path))
    inventory.last_number = ours[-1][0] if ours else 0
    for file_id, (_, found) in enumerate(ours):
        copy = copies.get(found.path)
        is_copy = copy is not None and copy.length == found.length
        _enter(root, inventory, KnownFile(found, file_id, archived=copy if is_copy else None))
        on_file()
    _drop_repeats(inventory)
    inventory.scratch.execute(
        COUNT_ARRIVALS, {"refused": int(Kind.REFUSED), "histogram": int(Kind.HISTOGRAM)}
    )
    inventory.strays.sort()
    return inventory


def _enter(root: Path, inventory: Inventory, file: KnownFile) -> None:
    execute = inventory.scratch.execute
    execute("BEGIN")
    try:
        with _opened(root, file) as stream:
            for end, text in whole_frames(stream):
                lines = text[:-1].split(b"\n")
                inventory.scratch.executemany("INSERT INTO lines VALUES (?, ?, ?, ?, ?)", _rows(file, lines))
                file.length, file.frames, file.lines = end, file.frames + 1, file.lines + len(lines)
    except ValueError:
        execute("ROLLBACK")
        inventory.strays.append(file.found.path)
        return
    execute("COMMIT")
    if file.length < file.found.length:
        inventory.damaged.append(
            f"{file.found.path}: {file.found.length - file.length} bytes are damaged or incomplete"
        )
    if file.lines:
        inventory.files.append(file)
    else:
        inventory.strays.append(file.found.path)


def _rows(file: KnownFile, lines: Iterable[bytes]) -> Iterator[tuple[int, int, bytes, bytes, int]]:
    store = file.key.store
    for number, line in enumerate(lines, file.lines):
        facts = read_line(store, line)
        yield file.file_id, number, line_digest(line), facts.arrival, int(facts.kind)


def _drop_repeats(inventory: Inventory) -> None:
    kept = []
    execute = inventory.scratch.execute
    for file in inventory.files:
        only_here = frozenset(line for (line,) in execute(ONLY_HERE, {"file": file.file_id}))
        if not only_here:
            execute("DELETE FROM lines WHERE file_id = ?", (file.file_id,))
            inventory.strays.append(file.found.path)
            continue
        if len(only_here) < file.lines:
            file.wanted = only_here
            repeats = ((file.file_id, line) for line in range(file.lines) if line not in only_here)
            inventory.scratch.executemany("DELETE FROM lines WHERE file_id = ? AND line = ?", repeats)
        kept.append(file)
    inventory.files = kept
