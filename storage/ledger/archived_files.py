"""The ledger's part about the archive: which committed files have a copy there, and what to delete there."""

import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from storage.ledger.connection import Connection

ARCHIVE_TABLES = """
-- The archive of this data root.  `attempt` marks the commit there that was begun last.
CREATE TABLE IF NOT EXISTS archive (
    only            INTEGER PRIMARY KEY CHECK (only = 1),
    url             TEXT NOT NULL,
    commits         INTEGER NOT NULL,
    attempt         TEXT NOT NULL
) STRICT;

-- Committed files that have a copy in the archive, and the copy's checksums.
CREATE TABLE IF NOT EXISTS archived_files (
    path            TEXT PRIMARY KEY,
    day             TEXT NOT NULL,
    object          TEXT NOT NULL,
    bytes           INTEGER NOT NULL,
    sha256          TEXT NOT NULL,
    blocks          BLOB NOT NULL  -- CRC-32C of each block, 4 bytes each
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS archived_by_day ON archived_files (day);

-- What became of the local copies of a day's files.
CREATE TABLE IF NOT EXISTS archived_days (
    day             TEXT PRIMARY KEY,
    local           TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Copies of files that are not committed any more: deleted after the next commit of their day.
CREATE TABLE IF NOT EXISTS removed_objects (
    object          TEXT PRIMARY KEY,
    day             TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""


class LocalCopies(StrEnum):
    """What became of the local copies of an archived day."""

    KEPT = "kept"
    DROPPING = "dropping"  # some may be left
    DROPPED = "dropped"
    RESTORED = "restored"  # they stay until `archive run --date` drops them again


@dataclass(frozen=True, slots=True)
class Archive:
    """The archive of this data root."""

    url: str
    commits: int  # number of the last commit there that this ledger knows
    attempt: str  # of the commit that was begun last


@dataclass(frozen=True, slots=True)
class ArchivedObject:
    """The copy of a committed file."""

    url: str  # of the archive
    key: str  # below the url
    path: str  # of the file, below the data root
    day: str  # YYYYMMDD of arrival
    length: int  # in bytes
    sha256: str  # hexadecimal
    blocks: bytes  # CRC-32C of each block, 4 bytes each


_OBJECTS = (
    "SELECT archive.url, object, path, day, bytes, sha256, blocks FROM archived_files, archive WHERE {where}"
)


class ArchiveQueries:
    """The queries of `Ledger` about the archive; all results are empty in an older ledger."""

    _connection: Connection
    _has_archive: bool

    def _knows_archives(self) -> bool:
        if not self._has_archive:
            query = "SELECT count(*) FROM sqlite_master WHERE name = 'removed_objects'"
            (count,) = self._connection.execute(query).fetchone()
            self._has_archive = bool(count)
        return self._has_archive

    def archive(self) -> Archive | None:
        """Return the archive of this data root; None if it has none."""
        if not self._knows_archives():
            return None
        row = self._connection.execute("SELECT url, commits, attempt FROM archive").fetchone()
        return None if row is None else Archive(*row)

    def archived_object(self, path: str) -> ArchivedObject | None:
        """Return the copy of the committed file *path* (below the data root); None if it has none."""
        if not self._knows_archives():
            return None
        row = self._connection.execute(_OBJECTS.format(where="path = ?"), (path,)).fetchone()
        return None if row is None else ArchivedObject(*row)

    def archived_objects(self, day: str | None = None) -> dict[str, ArchivedObject]:
        """Return the copies of the committed files of *day* (YYYYMMDD), or of all days, by path."""
        if not self._knows_archives():
            return {}
        where, values = ("TRUE", ()) if day is None else ("day = ?", (day,))
        rows = self._connection.execute(_OBJECTS.format(where=where), values)
        return {found.path: found for found in (ArchivedObject(*row) for row in rows)}

    def archived_days(self) -> dict[str, LocalCopies]:
        """Return what became of the local copies, by archived day (YYYYMMDD), in order."""
        if not self._knows_archives():
            return {}
        rows = self._connection.execute("SELECT day, local FROM archived_days ORDER BY day")
        return {day: LocalCopies(local) for day, local in rows}

    def removed_objects(self) -> dict[str, str]:
        """Return the days (YYYYMMDD) of the objects that are still to be deleted in the archive, by key."""
        if not self._knows_archives():
            return {}
        return dict(self._connection.execute("SELECT object, day FROM removed_objects ORDER BY object"))


class ArchiveChanges:
    """The changes of `Transaction` to the archive."""

    _connection: sqlite3.Connection

    def put_archive(self, archive: Archive) -> None:
        """Store the archive of this data root."""
        self._connection.execute(
            "INSERT OR REPLACE INTO archive VALUES (1, ?, ?, ?)",
            (archive.url, archive.commits, archive.attempt),
        )

    def put_archived(self, found: ArchivedObject) -> None:
        """Store the copy of a committed file."""
        self._connection.execute(
            "INSERT OR REPLACE INTO archived_files VALUES (?, ?, ?, ?, ?, ?)",
            (found.path, found.day, found.key, found.length, found.sha256, found.blocks),
        )

    def forget_archived(self, path: str) -> None:
        """Note that the copy of a file is no longer needed, if it has one."""
        self._connection.execute(
            "INSERT OR IGNORE INTO removed_objects SELECT object, day FROM archived_files WHERE path = ?",
            (path,),
        )
        self._connection.execute("DELETE FROM archived_files WHERE path = ?", (path,))

    def put_archived_day(self, day: str, local: LocalCopies) -> None:
        """Store what became of the local copies of *day* (YYYYMMDD)."""
        self._connection.execute("INSERT OR REPLACE INTO archived_days VALUES (?, ?)", (day, local.value))

    def forget_archived_day(self, day: str) -> None:
        """Forget a day that has no files any more."""
        self._connection.execute("DELETE FROM archived_days WHERE day = ?", (day,))

    def remove_object(self, key: str, day: str) -> None:
        """Note that the object *key* of *day* (YYYYMMDD) is to be deleted in the archive."""
        self._connection.execute("INSERT OR IGNORE INTO removed_objects VALUES (?, ?)", (key, day))

    def forget_removed(self, key: str) -> None:
        """Forget an object that was deleted in the archive."""
        self._connection.execute("DELETE FROM removed_objects WHERE object = ?", (key,))
