"""A lock that one notifier of a database holds; it is free as soon as its process is gone."""

from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import exc

from storage.lock import FileLock
from telemetry_server.fuel.database.engine import SQLITE, open_engine, url_of
from telemetry_server.fuel.database.errors import DatabaseAway
from telemetry_server.fuel.database.faults import one_line

LOCK = 0x4655454E
SUFFIX = "-notifier"  # of the file beside an SQLite database


class NotifierLock:
    """
    A lock by a session of PostgreSQL, or by a file beside an SQLite database.

    Args:
        url_text: The URL of the database.
    """

    def __init__(self, url_text: str) -> None:
        url = url_of(url_text)
        self._file: FileLock | None = None
        self._engine: sa.Engine | None = None
        self._connection: sa.Connection | None = None
        if url.get_backend_name() == SQLITE:
            self._file = FileLock(Path(f"{url.database}{SUFFIX}"))
        else:
            self._engine = open_engine(url, connections=1)

    def is_held(self) -> bool:
        """
        Return whether this process has the lock; take it where it is free.

        Raises:
            DatabaseAway: The database does not answer; the lock may be lost.
        """
        if self._file is not None:
            return self._file.is_held or (self._file.path.parent.is_dir() and self._file.acquire(wait=False))
        try:
            return self._is_held_by_session()
        except exc.DBAPIError as error:
            self._end_session()
            raise DatabaseAway(one_line(error)) from error

    def _is_held_by_session(self) -> bool:
        assert self._engine is not None
        if self._connection is not None:
            self._connection.execute(sa.text("SELECT 1"))
            self._connection.rollback()
            return True
        connection = self._engine.connect()
        held = bool(connection.execute(sa.text(f"SELECT pg_try_advisory_lock({LOCK})")).scalar_one())
        connection.rollback()  # the lock is the session's
        if held:
            self._connection = connection
        else:
            connection.close()
        return held

    def _end_session(self) -> None:
        if self._connection is not None:
            with suppress(exc.DBAPIError):
                self._connection.invalidate()
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Release the lock."""
        if self._file is not None:
            self._file.release()
        self._end_session()
        if self._engine is not None:
            self._engine.dispose()
