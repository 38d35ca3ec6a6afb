"""A real server in other processes, for tests of the whole program."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from telemetry_server.demo.temporary_server import TemporaryServer, bare_environment
from tests.support import forked_commands
from tests.support.waiting import PATIENCE_SECONDS


class ForkedServer(TemporaryServer):
    """A `TemporaryServer` whose first process is forked, unless *settings* change how programs are loaded."""

    def _started(self, words: Sequence[str], environment: dict[str, str], log: BinaryIO) -> Any:
        if "LD_PRELOAD" in environment:
            return super()._started(words, environment, log)
        return forked_commands.start(words, environment, log, log)


@contextmanager
def running_server(folder: Path, *flags: str, **settings: str) -> Iterator[TemporaryServer]:
    """
    Yield ``serve`` with ``<folder>/data`` on a free port, offline unless *settings* differ.

    *settings* are texts by name: ``running_server(tmp_path, max_body_bytes="2kB")``.
    """
    offline = {"revision_offline": "true", "workers": "1", "convert_processes": "1"}
    environment = {f"TELEMETRY_{name.upper()}": value for name, value in (offline | settings).items()}
    with ForkedServer(folder / "data", environment, flags) as server:
        yield server


def telemetry_server(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a forked process, with only the settings in *environment*."""
    with TemporaryFile() as out, TemporaryFile() as err:
        process = forked_commands.start(words, bare_environment() | environment, out, err)
        try:
            process.wait(PATIENCE_SECONDS)
        finally:
            process.kill()
        for file in (out, err):
            file.seek(0)
        shown, said = out.read().decode(), err.read().decode()
    return subprocess.CompletedProcess(words, process.wait(), shown, said)


def result_of(*words: str, **environment: str) -> Any:
    """Return the output of a command with ``--json``; its exit status must be 0."""
    done = telemetry_server(*words, "--json", **environment)
    assert done.returncode == os.EX_OK, done.stderr
    return json.loads(done.stdout)
