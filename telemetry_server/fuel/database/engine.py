"""Opens a database by its URL: SQLite with durable commits, or PostgreSQL by psycopg."""

import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from storage.disk import Disk
from telemetry_server.fuel.database.errors import BadDatabaseUrl

# Alembic names each step of a migration; one event of our own names the result.
logging.getLogger("alembic").setLevel(logging.WARNING)
SQLITE, POSTGRESQL = "sqlite", "postgresql"
CONNECT_SECONDS = 3
BUSY_SECONDS = 5.0
STATEMENT_SECONDS = 30
READS = {"fuel_reads": True}  # execution option of a connection that only reads
MAX_PORT = 65_535


def url_of(text: str) -> sa.URL:
    """
    Return the URL of a database.

    Raises:
        BadDatabaseUrl: It is not ``sqlite:///…`` or ``postgresql+psycopg://…``, or its port is out of range.
    """
    try:
        url = sa.make_url(text)
    except (exc.ArgumentError, ValueError):
        raise BadDatabaseUrl(f"{_without_password(text)!r} is not a URL of a database") from None
    if url.get_backend_name() == POSTGRESQL:
        if url.port is not None and not 0 < url.port <= MAX_PORT:
            raise BadDatabaseUrl(f"port {url.port} is not between 1 and {MAX_PORT}")
        if url.drivername not in (POSTGRESQL, "postgresql+psycopg"):
            raise BadDatabaseUrl(f"{url.drivername} is not supported: write postgresql+psycopg://…")
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == SQLITE and url.database and url.database != ":memory:":
        return url
    raise BadDatabaseUrl("a database is sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME")


def _without_password(text: str) -> str:
    return text.split("@", 1)[-1]


def open_engine(
    url: sa.URL,
    *,
    connections: int = 2,
    only_reads: bool = False,
    has_one_view: bool = False,
    statement_seconds: float = STATEMENT_SECONDS,
) -> sa.Engine:
    """
    Return an engine with at most *connections*; nothing is connected yet.

    Args:
        has_one_view: All statements of a transaction see the database as it was when it began.
        statement_seconds: After which a statement is stopped; 0: never.  PostgreSQL only.
    """
    if url.get_backend_name() == SQLITE:
        return _sqlite_engine(url, connections, only_reads=only_reads)
    engine = sa.create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
        connect_args={"connect_timeout": CONNECT_SECONDS, "application_name": "telemetry-server"},
        **({"isolation_level": "REPEATABLE READ"} if has_one_view else {}),
    )

    def prepare(connection: Any, _record: Any) -> None:
        _prepare_postgresql(connection, statement_seconds)

    sa.event.listen(engine, "connect", prepare)
    return engine


def _prepare_postgresql(connection: Any, statement_seconds: float) -> None:
    settings = {
        "TimeZone": "UTC",
        "lock_timeout": f"{BUSY_SECONDS:.0f}s",
        "statement_timeout": f"{int(1000 * statement_seconds)}ms",
        "idle_in_transaction_session_timeout": f"{2 * STATEMENT_SECONDS}s",
    }
    with connection.cursor() as cursor:
        for name, value in settings.items():
            cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
        # A 200 means that a commit is on disk, whatever the server's default is.
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false)"
            " WHERE current_setting('synchronous_commit') = 'off'"
        )
    connection.commit()


def _sqlite_engine(url: sa.URL, connections: int, *, only_reads: bool) -> sa.Engine:
    engine = sa.create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )

    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        # Transactions begin in `begin`, below: sqlite3 would begin them too late.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    def begin(connection: sa.Connection) -> None:
        reads = only_reads or connection.get_execution_options().get("fuel_reads")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    sa.event.listen(engine, "connect", prepare)
    sa.event.listen(engine, "begin", begin)
    return engine


def create_sqlite_file(url: sa.URL, disk: Disk) -> None:
    """Create the folder and the file of an SQLite database, durably; a file that is there stays."""
    assert url.database is not None
    path = Path(url.database)
    disk.make_directories(path.parent)
    with suppress(FileExistsError):
        disk.close(disk.create(path))
    disk.sync_directory(path.parent)


def insert_of(connection: sa.Connection) -> Callable[[sa.Table], Any]:
    """Return the ``insert`` of the dialect, which knows ON CONFLICT."""
    if connection.dialect.name == SQLITE:
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert
    from sqlalchemy.dialects.postgresql import insert as postgresql_insert

    return postgresql_insert
