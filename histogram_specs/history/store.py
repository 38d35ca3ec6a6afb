"""
The history on disk: ``<cache>/.history/history.sqlite``.

Each distinct text is stored once, compressed.  A version is a changeset that changed the file,
and refers to a text.  Every changeset of a walked repository refers to the version in force at
it.  Every change is one transaction, so a crash leaves a consistent file.
"""

import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from histogram_specs.errors import HistoryError
from histogram_specs.history.schema import COMPANIONS, SCHEMA

SCHEMA_VERSION = 1
UNDECIDED = -1  # the version of this changeset is not determined yet
NO_VERSION = 0  # the file does not exist at this changeset
_BUSY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class WalkedRepository:
    """How much of a repository's history is known."""

    id: int
    name: str
    first_number: int
    next_number: int
    last_node: bytes | None
    known_from: int | None  # seconds since 1970; None: from the beginning
    known_until: int | None  # None: its first walk is not complete


@dataclass(frozen=True, slots=True)
class LoggedChangeset:
    """A changeset in a log."""

    node: bytes
    parents: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class FileVersion:
    """A changeset that changed the spec file."""

    node: bytes
    pushed_at: int  # seconds since 1970, UTC; time of the commit if the server does not record pushes
    branch: str


def history_path(cache_directory: Path) -> Path:
    """Return the path of a revision cache's history."""
    return cache_directory / ".history" / "history.sqlite"


def open_history(path: Path, *, writable: bool) -> sqlite3.Connection:
    """
    Open the history; if *writable*, create it when it does not exist.

    Raises:
        FileNotFoundError: If it does not exist.
        HistoryError: If it is damaged, or was written by another version.
    """
    if writable:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    elif not path.is_file():
        raise FileNotFoundError(path)
    try:
        database = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'rw' if writable else 'ro'}",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version == 0 and writable:
            database.execute("PRAGMA synchronous = FULL")
            database.executescript(f"BEGIN;{SCHEMA}PRAGMA user_version = {SCHEMA_VERSION};COMMIT;")
            version = SCHEMA_VERSION
        if version == SCHEMA_VERSION and writable:
            database.executescript(COMPANIONS)
    except sqlite3.Error as error:
        raise HistoryError(f"{path}: {error}; remove it and prefetch again") from error
    if version != SCHEMA_VERSION:
        database.close()
        if version == 0:
            raise FileNotFoundError(path)
        raise HistoryError(f"{path} has format {version}, not {SCHEMA_VERSION}; remove it and prefetch again")
    return database


class HistoryStore:
    """Writes the results of a walk.  For one process at a time; every method is one transaction."""

    def __init__(self, cache_directory: Path, *, dry_run: bool = False) -> None:
        path = history_path(cache_directory)
        self._dry_run = dry_run
        if dry_run and not path.exists():
            self.database = sqlite3.connect(":memory:", isolation_level=None)
            self.database.executescript(SCHEMA + COMPANIONS)
        else:
            self.database = open_history(path, writable=not dry_run)

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def repository(self, name: str) -> WalkedRepository:
        """Return what is known of a repository; create its entry if it is new."""
        select = (
            "SELECT id, name, first_number, next_number, last_node, known_from, known_until"
            " FROM repositories WHERE name = ?"
        )
        row = self.database.execute(select, (name,)).fetchone()
        if row is None and self._dry_run:
            return WalkedRepository(0, name, 0, 0, None, None, None)
        if row is None:
            with self.transaction() as database:
                database.execute("INSERT INTO repositories (name) VALUES (?)", (name,))
            row = self.database.execute(select, (name,)).fetchone()
        return WalkedRepository(*row)

    def forget_changesets(self, repository_id: int, first_number: int) -> None:
        """Restart the walk at the server's *first_number*; texts and versions are kept."""
        with self.transaction() as database:
            database.execute("DELETE FROM changesets WHERE repository_id = ?", (repository_id,))
            database.execute(
                "UPDATE repositories SET first_number = ?, next_number = ?, last_node = NULL,"
                " known_from = NULL, known_until = NULL WHERE id = ?",
                (first_number, first_number, repository_id),
            )

    def add_changesets(
        self, repository_id: int, next_number: int, changesets: Sequence[LoggedChangeset]
    ) -> None:
        """Append *changesets*, parents before children; the walk continues at *next_number*."""
        with self.transaction() as database:
            (position,) = database.execute(
                "SELECT coalesce(max(position), -1) + 1 FROM changesets WHERE repository_id = ?",
                (repository_id,),
            ).fetchone()
            database.executemany(
                "INSERT OR IGNORE INTO changesets VALUES (?, ?, ?, ?, ?)",
                (
                    (changeset.node, repository_id, position + number, b"".join(changeset.parents), UNDECIDED)
                    for number, changeset in enumerate(changesets)
                ),
            )
            database.execute(
                "UPDATE repositories SET next_number = ?, last_node = ? WHERE id = ?",
                (next_number, changesets[-1].node, repository_id),
            )

    def undecided(self, repository_id: int) -> Iterator[LoggedChangeset]:
        """Yield the changesets whose version is not determined yet, in order."""
        rows = self.database.execute(
            "SELECT node, parents FROM changesets WHERE repository_id = ? AND version_id = -1"
            " ORDER BY position",
            (repository_id,),
        )
        for node, parents in rows:
            yield LoggedChangeset(node, tuple(parents[at : at + 20] for at in range(0, len(parents), 20)))

    def decide(self, repository_id: int, version_of: Iterable[tuple[bytes, int]]) -> None:
        """Store the version in force at each of these changesets."""
        with self.transaction() as database:
            database.executemany(
                "UPDATE changesets SET version_id = ? WHERE node = ? AND repository_id = ?",
                ((version_id, node, repository_id) for node, version_id in version_of),
            )

    def first_node(self, repository_id: int) -> bytes | None:
        """Return the first changeset of the walk."""
        row = self.database.execute(
            "SELECT node FROM changesets WHERE repository_id = ? ORDER BY position LIMIT 1", (repository_id,)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def positions(self, repository_id: int) -> dict[int, int]:
        """Return the position in the walk of each version's changeset, by the version's id."""
        rows = self.database.execute(
            "SELECT v.id, c.position FROM versions v JOIN changesets c"
            " ON c.node = v.node AND c.repository_id = v.repository_id WHERE v.repository_id = ?",
            (repository_id,),
        )
        return dict(rows.fetchall())

    def version_at(self, repository_id: int, node: bytes) -> int | None:
        """Return the version in force at a changeset; None if that is not determined yet."""
        row = self.database.execute(
            "SELECT version_id FROM changesets WHERE node = ? AND repository_id = ? AND version_id >= 0",
            (node, repository_id),
        ).fetchone()
        return None if row is None else int(row[0])

    def add_versions(self, repository_id: int, versions: Iterable[FileVersion]) -> None:
        """Add changesets that changed the file; known ones are not changed."""
        with self.transaction() as database:
            database.executemany(
                "INSERT OR IGNORE INTO versions (repository_id, node, pushed_at, branch) VALUES (?, ?, ?, ?)",
                ((repository_id, one.node, one.pushed_at, one.branch) for one in versions),
            )

    def versions(self, repository_id: int) -> dict[bytes, int]:
        """Return the ids of the known versions by node."""
        rows = self.database.execute(
            "SELECT node, id FROM versions WHERE repository_id = ?", (repository_id,)
        )
        return dict(rows.fetchall())

    def without_text(self, repository_id: int) -> list[tuple[int, bytes]]:
        """Return the ids and nodes of the versions whose text is missing."""
        return self.database.execute(
            "SELECT id, node FROM versions WHERE repository_id = ? AND digest IS NULL AND problem IS NULL"
            " ORDER BY pushed_at, id",
            (repository_id,),
        ).fetchall()

    def add_text(self, version_id: int, text: bytes) -> bool:
        """Store the text of a version; return whether it is new."""
        digest = sha256(text).hexdigest()
        with self.transaction() as database:
            added = database.execute(
                "INSERT OR IGNORE INTO texts VALUES (?, ?)", (digest, zlib.compress(text, 6))
            ).rowcount
            database.execute("UPDATE versions SET digest = ? WHERE id = ?", (digest, version_id))
        return added > 0

    def add_problem(self, version_id: int, problem: str) -> None:
        """Store the reason why a version has no usable text."""
        with self.transaction() as database:
            database.execute("UPDATE versions SET problem = ? WHERE id = ?", (problem, version_id))

    def replace_tags(self, repository_id: int, tags: Iterable[tuple[str, bytes]]) -> None:
        """Replace the tags of a repository."""
        with self.transaction() as database:
            database.execute("DELETE FROM tags WHERE repository_id = ?", (repository_id,))
            database.executemany(
                "INSERT OR REPLACE INTO tags VALUES (?, ?, ?)",
                ((repository_id, tag, node) for tag, node in tags),
            )

    def finish(self, repository_id: int, known_from: int | None, known_until: int) -> None:
        """Record that everything between the two times is known."""
        with self.transaction() as database:
            database.execute(
                "UPDATE repositories SET known_from = ?, known_until = max(?, coalesce(known_until, 0))"
                " WHERE id = ?",
                (known_from, known_until, repository_id),
            )

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what is done in the block, all or nothing."""
        self.database.execute("BEGIN IMMEDIATE")
        try:
            yield self.database
        except BaseException:
            self.database.execute("ROLLBACK")
            raise
        self.database.execute("COMMIT")
