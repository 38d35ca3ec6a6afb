"""
Backups of a database: by SQLite's backup, or by pg_dump and pg_restore.

A backup appears under its name whole or not at all.
"""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from storage.disk import Disk
from telemetry_server.fuel.database.engine import SQLITE, create_sqlite_file, url_of
from telemetry_server.fuel.database.errors import BackupFailed
from telemetry_server.fuel.database.schema import Schema

SQLITE_HEAD = b"SQLite format 3\0"
POSTGRESQL_HEAD = b"PGDMP"
DUMP_SECONDS = 24 * 3600


def back_up(url_text: str, file: Path) -> int:
    """
    Write the database to *file*, which must not exist; return its size in bytes.

    Raises:
        BackupFailed: Nothing is at *file*.
    """
    url = url_of(url_text)
    if os.path.lexists(file):
        raise BackupFailed(f"{file} exists: name another file")
    disk = Disk()
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    except OSError as error:
        raise BackupFailed(f"{file.parent}: {error.strerror}") from None
    partial = Path(name)
    try:
        if url.get_backend_name() == SQLITE:
            _copy_sqlite(Path(url.database or ""), partial)
            _make_one_file(partial)
        else:
            _run("pg_dump", url, ["--format=custom", f"--file={partial}"])
        disk.sync(descriptor)
        size = partial.stat().st_size
        disk.rename_new(partial, file)
        disk.sync_directory(file.parent)
    except (sqlite3.Error, OSError) as error:
        raise BackupFailed(f"{file}: {error}") from None
    finally:
        disk.close(descriptor)
        partial.unlink(missing_ok=True)
    return size


def restore(file: Path, databases: Sequence[tuple[Schema, str]]) -> tuple[Schema, str]:
    """
    Replace the content of the database that *file* is a backup of, in one transaction; return that database.

    Args:
        databases: Schema and URL of each that it may be.

    Raises:
        BackupFailed: *file* is not a backup of one of them; all are as before.
    """
    kind = kind_of(file)
    is_sqlite = kind == SQLITE
    schema, url_text = next(
        (
            (schema, url)
            for schema, url in databases
            if _has_table(file, schema.version_table, is_sqlite=is_sqlite)
        ),
        (None, ""),
    )
    if schema is None:
        names = " or ".join(known.name for known, _ in databases)
        raise BackupFailed(f"{file} is not a backup of a Fuel {names} database")
    url = url_of(url_text)
    if kind != url.get_backend_name():
        raise BackupFailed(
            f"{file} is a backup of {kind}, and the {schema.name} database is {url.get_backend_name()}"
        )
    if is_sqlite:
        create_sqlite_file(url, Disk())
        try:
            _copy_sqlite(file, Path(url.database or ""))
        except sqlite3.Error as error:
            raise BackupFailed(f"{file}: {error}") from None
    else:
        words = ["--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction", str(file)]
        _run("pg_restore", url, words)
    return schema, url_text


def kind_of(file: Path) -> str:
    """
    Return ``sqlite`` or ``postgresql``.

    Raises:
        BackupFailed: *file* cannot be read, or is neither.
    """
    try:
        with file.open("rb") as opened:
            head = opened.read(16)
    except OSError as error:
        raise BackupFailed(f"{file}: {error.strerror}") from None
    if head == SQLITE_HEAD:
        return SQLITE
    if head.startswith(POSTGRESQL_HEAD):
        return "postgresql"
    raise BackupFailed(f"{file} is not a backup: it is neither of SQLite nor of pg_dump")


def _has_table(file: Path, name: str, *, is_sqlite: bool) -> bool:
    if is_sqlite:
        with closing(sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True)) as connection:
            try:
                query = "SELECT count(*) FROM sqlite_master WHERE name = ?"
                return bool(connection.execute(query, (name,)).fetchone()[0])
            except sqlite3.Error as error:
                raise BackupFailed(f"{file}: {error}") from None
    done = subprocess.run(  # noqa: S603 - a program of PostgreSQL, found in PATH
        [_program("pg_restore"), "--list", str(file)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BackupFailed(f"{file}: {_last_line(done.stderr)}")
    return f" {name} " in done.stdout


def _copy_sqlite(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as reading,
        closing(sqlite3.connect(target)) as writing,
    ):
        reading.backup(writing)  # waits while another process writes to either


def _make_one_file(path: Path) -> None:
    """Bring what is in the write-ahead log into the database at *path*, and do without one."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=DELETE")


def _run(name: str, url: sa.URL, options: list[str]) -> None:
    """Run a program of PostgreSQL on the database of *url*; its password is in the environment only."""
    where = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    environment = dict(os.environ)
    if url.password is not None:
        environment["PGPASSWORD"] = str(url.password)
    done = subprocess.run(  # noqa: S603 - as above
        [_program(name), f"--dbname={where}", "--no-password", *options],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=DUMP_SECONDS,
    )
    if done.returncode:
        raise BackupFailed(f"{name}: {_last_line(done.stderr)}")


def _program(name: str) -> str:
    """Return the newest program of this name: an older one refuses a newer server."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=_version)
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        raise BackupFailed(f"{name} is missing: install postgresql-client")
    return path


def _version(path: Path) -> int:
    number = path.parts[-3]
    return int(number) if number.isdigit() else 0


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it failed without a message"
