"""A real server in other processes, for tests of the whole program."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from telemetry_server.demo.temporary_server import TemporaryServer, bare_environment
from tests.support.waiting import PATIENCE_SECONDS


@contextmanager
def running_server(folder: Path, *flags: str, **settings: str) -> Iterator[TemporaryServer]:
    """
    Yield ``serve`` with ``<folder>/data`` on a free port, offline unless *settings* differ.

    *settings* are texts by name: ``running_server(tmp_path, max_body_bytes="2kB")``.
    """
    offline = {"revision_offline": "true", "workers": "1", "convert_processes": "1"}
    environment = {f"TELEMETRY_{name.upper()}": value for name, value in (offline | settings).items()}
    with TemporaryServer(folder / "data", environment, flags) as server:
        yield server


def telemetry_server(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in another process, with only the settings in *environment*."""
    return subprocess.run(
        [sys.executable, "-m", "telemetry_server", *words],
        capture_output=True,
        text=True,
        env=bare_environment() | environment,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def result_of(*words: str, **environment: str) -> Any:
    """Return the output of a command with ``--json``; its exit status must be 0."""
    done = telemetry_server(*words, "--json", **environment)
    assert done.returncode == os.EX_OK, done.stderr
    return json.loads(done.stdout)
