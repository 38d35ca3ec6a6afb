"""A PostgreSQL for one benchmark, in a folder of its own and with durable commits."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OTHER_USER_ID = 65534  # it refuses to run as root


@dataclass(frozen=True, slots=True)
class TemporaryPostgresql:
    """Where it is, and its first process."""

    url: str
    pid: int


def program(name: str) -> str | None:
    """Return the path of a program of PostgreSQL; None if it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name)


@contextmanager
def temporary_postgresql() -> Iterator[TemporaryPostgresql]:
    """Yield a new, empty server."""
    initdb, postgres = program("initdb"), program("postgres")
    assert initdb is not None and postgres is not None
    folder = Path(tempfile.mkdtemp(prefix="fuel-pg-", dir="/tmp"))
    user: dict[str, Any] = {}
    if os.getuid() == 0:
        os.chown(folder, OTHER_USER_ID, OTHER_USER_ID)
        user = {"user": OTHER_USER_ID, "group": OTHER_USER_ID, "extra_groups": []}
    data = str(folder / "data")
    try:
        subprocess.run(
            [initdb, "-D", data, "-U", "bench", "-A", "trust"], check=True, capture_output=True, **user
        )
        words = [postgres, "-D", data, "-k", str(folder), "-c", "listen_addresses="]
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(words, stdout=log, stderr=log, **user) as process,
        ):
            try:
                _wait_until_it_answers(folder)
                yield TemporaryPostgresql(f"postgresql+psycopg://bench@/postgres?host={folder}", process.pid)
            finally:
                process.send_signal(signal.SIGINT)  # does not wait for clients
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_it_answers(folder: Path) -> None:
    import psycopg

    for _ in range(600):
        try:
            psycopg.connect(host=str(folder), user="bench", dbname="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("PostgreSQL did not start")
