"""A real server in processes of its own, for tests that look at it from outside."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from telemetry_server.demo.temporary_server import TemporaryServer, bare_environment


@contextmanager
def running_server(folder: Path, *flags: str, **settings: str) -> Iterator[TemporaryServer]:
    """
    ``serve`` on ``<folder>/data``, on a free port, offline unless *settings* say otherwise.

    *settings* are by name, as text: ``running_server(tmp_path, max_body_bytes="2kB")``.
    """
    offline = {"revision_offline": "true", "workers": "1", "convert_processes": "1"}
    environment = {f"TELEMETRY_{name.upper()}": value for name, value in (offline | settings).items()}
    with TemporaryServer(folder / "data", environment, flags) as server:
        yield server


def telemetry_server(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, with no settings but those of *environment*."""
    return subprocess.run(
        [sys.executable, "-m", "telemetry_server", *words],
        capture_output=True,
        text=True,
        env=bare_environment() | environment,
        timeout=120,
        check=False,
    )


def result_of(*words: str, **environment: str) -> Any:
    """What a command prints with ``--json``; it must end with 0."""
    done = telemetry_server(*words, "--json", **environment)
    assert done.returncode == os.EX_OK, done.stderr
    return json.loads(done.stdout)
