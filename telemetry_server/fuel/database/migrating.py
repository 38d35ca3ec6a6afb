"""Brings the schema of a database to this program's version, by Alembic."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import exc

from storage.disk import Disk
from telemetry_server.fuel.database.collector_database import HEAD
from telemetry_server.fuel.database.engine import SQLITE, create_sqlite_file, open_engine, url_of
from telemetry_server.fuel.database.errors import DatabaseAway, UnknownSchema
from telemetry_server.fuel.database.faults import is_fault_of_the_server, one_line
from telemetry_server.fuel.database.partitions import ensure_partitions
from telemetry_server.fuel.database.schema import Schema
from telemetry_server.fuel.database.tables import VERSION_TABLE, metadata

LOCK = 0x4655454D  # of all processes that migrate
BASE = "base"  # the version of an empty database
COLLECTOR = Schema(
    "collector", HEAD, Path(__file__).parent / "migrations", VERSION_TABLE, metadata, ensure_partitions
)


def _config(schema: Schema, connection: sa.Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(schema.migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["schema"] = schema
    return config


def versions(schema: Schema = COLLECTOR) -> list[str]:
    """Return the versions of the schema, the oldest first."""
    scripts = ScriptDirectory.from_config(_config(schema))
    return [script.revision for script in scripts.walk_revisions()][::-1]


@contextmanager
def _connection(url_text: str) -> Iterator[sa.Connection]:
    url = url_of(url_text)
    engine = open_engine(url)
    try:
        with engine.connect() as connection, connection.begin():
            yield connection
    except exc.DBAPIError as error:
        if not is_fault_of_the_server(error):
            raise
        raise DatabaseAway(one_line(error)) from error
    finally:
        engine.dispose()


def current_version(url: str, schema: Schema = COLLECTOR) -> str | None:
    """
    Return the version of the schema; None for an empty database or a missing file.

    Raises:
        DatabaseAway: It cannot be reached or read.
    """
    parsed = url_of(url)
    if parsed.get_backend_name() == SQLITE and not Path(parsed.database or "").exists():
        return None
    with _connection(url) as connection:
        return _version_in(connection, schema)


def _version_in(connection: sa.Connection, schema: Schema) -> str | None:
    if not sa.inspect(connection).has_table(schema.version_table):
        return None
    query = sa.text(f"SELECT version_num FROM {schema.version_table}")  # noqa: S608
    version = connection.execute(query).scalar()
    return None if version is None else str(version)


def migrate(url: str, target: str | None = None, schema: Schema = COLLECTOR) -> tuple[str | None, str]:
    """
    Bring the schema to *target*, by default the newest; return the versions before and after.

    All of it is one transaction.  Processes that migrate at the same time wait for each other.

    Raises:
        DatabaseAway: The database cannot be reached, or its user may not change the schema.
        UnknownSchema: The schema is newer than this program; nothing was changed.
    """
    target = target or schema.head
    parsed = url_of(url)
    if parsed.get_backend_name() == SQLITE:
        create_sqlite_file(parsed, Disk())
    with _connection(url) as connection:
        if connection.dialect.name != SQLITE:
            # A migration may take as long as it needs.
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            connection.execute(sa.text("SET LOCAL lock_timeout = 0"))
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        before = _version_in(connection, schema)
        known = [BASE, *versions(schema)]
        if before is not None and before not in known:
            raise UnknownSchema(
                f"the database has the schema {before}, which this program does not know: use a newer one"
            )
        if before != target:
            config = _config(schema, connection)
            if known.index(before or BASE) < known.index(target):
                command.upgrade(config, target)
            else:
                command.downgrade(config, target)
        if target != BASE:
            schema.prepare(connection, datetime.now(UTC))
    return before, target
