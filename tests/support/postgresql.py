"""A PostgreSQL of our own: started by the tests in a folder of their own, as a normal user."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.other_user import OTHER_USER_ID
from tests.support.waiting import PATIENCE_SECONDS
from tests.support.whole_server import children_of

LOCALE = {"LC_ALL": "C.UTF-8", "TZ": "UTC"}


def program(name: str) -> str | None:
    """Return the path of a program of PostgreSQL; None if it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: path.parts[4])
    return str(found[-1]) if found else shutil.which(name)


@dataclass
class PostgreSQL:
    """A running server; only a socket in its folder leads to it."""

    folder: Path
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    _made: int = field(default=0)

    def url(self, database: str = "postgres") -> str:
        """Return the URL of one of its databases."""
        return f"postgresql+psycopg://tester@/{database}?host={self.folder}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        binary = program("postgres")
        assert binary is not None
        words = [binary, "-D", str(self.folder / "data"), "-k", str(self.folder), "-c", "listen_addresses="]
        options = [word for option in self.options for word in ("-c", option)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*words, *options],
                stdout=log,
                stderr=log,
                env=os.environ | LOCALE,
                start_new_session=True,
                **_user(),
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, "PostgreSQL did not start in time"
            time.sleep(0.05)

    def answers(self) -> bool:
        """Return whether it accepts connections."""
        import psycopg

        try:
            with psycopg.connect(host=str(self.folder), user="tester", dbname="postgres", connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def kill(self) -> None:
        """End all its processes at once, as a crash would; each of them has a session of its own."""
        assert self.process is not None
        pids = [self.process.pid, *children_of(self.process.pid)]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self) -> None:
        """Stop it; open connections are closed."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT if self.process.poll() is None else 0)
            try:
                self.process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
            self.process = None

    def run(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement outside a transaction; return its rows."""
        import psycopg

        with psycopg.connect(
            host=str(self.folder), user="tester", dbname=database, autocommit=True
        ) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def replica(self) -> Iterator["PostgreSQL"]:
        """Yield a streaming replica of this server."""
        binary = program("pg_basebackup")
        assert binary is not None
        folder = Path(tempfile.mkdtemp(prefix="fuel-pg-", dir="/tmp"))
        give(folder)
        words = [
            binary,
            "-h",
            str(self.folder),
            "-U",
            "tester",
            "-D",
            str(folder / "data"),
            "-R",
            "-c",
            "fast",
            "-N",
        ]
        server = PostgreSQL(folder, self.options)
        try:
            done = subprocess.run(
                words,
                capture_output=True,
                env=os.environ | LOCALE,
                cwd=folder,
                check=False,
                **_user(),  # type: ignore[call-overload]
            )
            assert done.returncode == 0, done.stderr
            server.start()
            yield server
        finally:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)

    def new_database(self, template: str = "template1") -> str:
        """Create a database, and return its URL."""
        self._made += 1
        name = f"fuel{self._made}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)


def _user() -> dict[str, object]:
    return {"user": OTHER_USER_ID, "group": OTHER_USER_ID, "extra_groups": []} if os.getuid() == 0 else {}


def give(folder: Path) -> None:
    """Make the user of the server the owner of *folder*."""
    if os.getuid() == 0:
        os.chown(folder, OTHER_USER_ID, OTHER_USER_ID)


@contextmanager
def running_postgresql(*options: str) -> Iterator[PostgreSQL]:
    """Yield a new, empty server."""
    binary = program("initdb")
    assert binary is not None
    # A short path: that of a socket has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="fuel-pg-", dir="/tmp"))
    give(folder)
    server = PostgreSQL(folder, options)
    try:
        subprocess.run(
            [
                binary,
                "-D",
                str(folder / "data"),
                "-U",
                "tester",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
                "-N",
            ],
            check=True,
            capture_output=True,
            env=os.environ | LOCALE,
            cwd=folder,
            **_user(),  # type: ignore[call-overload]
        )
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
