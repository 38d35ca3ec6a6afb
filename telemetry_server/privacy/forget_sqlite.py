"""Writes an SQLite file anew, so that no deleted row is left in its free pages or its log."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

ATTEMPTS = 20
PAUSE_SECONDS = 0.25


class DatabaseInUse(Exception):
    """Another process reads the file for long.  One line."""


def rewrite_database(path: Path) -> None:
    """
    Rebuild the database *path* and empty its log; readers and writers may go on.

    Raises:
        DatabaseInUse: A transaction of another process did not end in time; run it again.
        OSError: The disk refuses.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
            connection.execute("VACUUM")
            for _ in range(ATTEMPTS):
                busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if not busy:
                    return
                time.sleep(PAUSE_SECONDS)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise DatabaseInUse(f"{path}: another process uses it; run forget again") from error
        raise OSError(f"{path}: {error}") from error
    raise DatabaseInUse(f"{path}: another process reads it; run forget again")
