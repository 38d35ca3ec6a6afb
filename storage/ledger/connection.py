"""Connections to the ledger's file: for writing, for reading, and in read-only folders."""

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from storage.errors import DamagedLedger, LedgerError, StorageFull

if TYPE_CHECKING:
    from tempfile import TemporaryDirectory

NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE)
DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
REMEDY = "run: telemetry-server repair --dry-run, then repair; or restore the state/ of these files"


class Connection(sqlite3.Connection):
    """Translates disk errors of SQLite into storage errors; violated constraints stay SQLite's."""

    path: Path
    copy: "TemporaryDirectory[str] | None" = None  # holds the copy; removed with the connection

    def execute(self, *args: Any) -> sqlite3.Cursor:
        """Execute a statement; raises errors of the ledger instead of those of SQLite."""
        try:
            return super().execute(*args)
        except sqlite3.DatabaseError as error:
            raise self._translated(error) from error

    def executemany(self, *args: Any) -> sqlite3.Cursor:
        """Execute a statement for each row; raises errors of the ledger instead of those of SQLite."""
        try:
            return super().executemany(*args)
        except sqlite3.DatabaseError as error:
            raise self._translated(error) from error

    def close(self) -> None:
        """Close the connection, and remove the copy that it reads, if any."""
        super().close()
        if self.copy is not None:
            self.copy.cleanup()

    def _translated(self, error: sqlite3.DatabaseError) -> Exception:
        if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            return error
        if error.sqlite_errorcode in NO_ROOM:
            return StorageFull(f"{self.path}: {error}")
        if error.sqlite_errorcode in DAMAGED:
            return DamagedLedger(f"{self.path}: the ledger is damaged; {REMEDY} ({error})")
        return LedgerError(f"{self.path}: {error}; is the disk full, or the file damaged?")


def connect(path: Path) -> Connection:
    """Return a connection that can write."""
    return _opened(str(path), path)


def connect_in_memory() -> Connection:
    """Return a connection to an empty database in memory."""
    return _opened(":memory:", Path(":memory:"))


def connect_for_reading(path: Path) -> Connection:
    """
    Return a connection for reading; it creates no file in a read-only folder.

    SQLite reads a write-ahead log only with an index beside it, which it would have to create.  So
    in a read-only folder an existing log is read from a copy of both.

    Raises:
        LedgerError: The file cannot be read.
    """
    if os.access(path.parent, os.W_OK):
        connection = connect(path)
    elif (beside := _connect_beside_a_writer(path)) is not None:
        return beside
    elif _has_log(path):
        connection = _connect_to_copy(path)
    else:
        connection = _opened(_uri(path, "immutable=1"), path, is_uri=True)
    connection.execute("PRAGMA query_only = 1")
    return connection


def _connect_beside_a_writer(path: Path) -> Connection | None:
    """Return a connection that uses the index of a running writer of another user; None without one."""
    if not path.with_name(f"{path.name}-shm").exists():
        return None
    connection = _opened(_uri(path, "mode=ro"), path, is_uri=True)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except (LedgerError, StorageFull):
        connection.close()
        return None
    return connection


def _has_log(path: Path) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _connect_to_copy(path: Path) -> Connection:
    import shutil
    from tempfile import TemporaryDirectory

    folder = TemporaryDirectory(prefix="telemetry-ledger-")
    copy = Path(folder.name) / path.name
    shutil.copyfile(path, copy)
    shutil.copyfile(path.with_name(f"{path.name}-wal"), copy.with_name(f"{copy.name}-wal"))
    connection = _opened(str(copy), path)
    connection.copy = folder
    return connection


def _uri(path: Path, options: str) -> str:
    return f"file:{quote(str(path))}?{options}"


def _opened(name: str, path: Path, *, is_uri: bool = False) -> Connection:
    connection: Connection = sqlite3.connect(
        name, isolation_level=None, check_same_thread=False, timeout=30, factory=Connection, uri=is_uri
    )
    connection.path = path
    return connection
