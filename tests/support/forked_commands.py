"""
Commands, such as servers, in forked processes; each ends as an interpreter does.

All have the priority of the tests.  The product lowers that of reports and conversion, which then get no time
for minutes where many tests run.
"""

import os
import runpy
import select
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO

from telemetry_server.cli.main import COMMANDS
from tests.support.forking import Forker

# Those of the servers' processes.
MODULES = (
    *("composition.aggregate_follower", "composition.conversion", "composition.listeners"),
    *("composition.other_processes", "composition.providers", "coordinator.follower", "edge.edge_worker"),
    *("observability.logs", "supervision.supervisor"),
)


class ForkedProcess:
    """What tests use of ``subprocess.Popen``."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._descriptor = os.pidfd_open(pid)
        weakref.finalize(self, os.close, self._descriptor)
        self._reaping = threading.Lock()  # two threads may see the end at once

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal; None while it runs."""
        return self._ended_within(0)

    def wait(self, timeout: float | None = None) -> int:
        """
        Return the exit status.

        Raises:
            subprocess.TimeoutExpired: It runs for longer than *timeout* seconds.
        """
        status = self._ended_within(timeout)
        if status is None:
            raise subprocess.TimeoutExpired("telemetry-server", timeout or 0)
        return status

    def _ended_within(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._descriptor], [], [], seconds)[0]:
            with self._reaping:
                if self.returncode is None:
                    self.returncode = _forker().status_of(self.pid)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            signal.pidfd_send_signal(self._descriptor, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


def start(
    words: Sequence[str], environment: Mapping[str, str], stdout: IO[bytes], stderr: IO[bytes]
) -> ForkedProcess:
    """Run ``telemetry-server`` *words* in a process group of its own, without input."""
    pid = _forker().fork(
        "tests.support.forked_commands:run",
        [stdout.fileno(), stderr.fileno()],
        words=list(words),
        environment=dict(environment),
        folder=str(Path.cwd()),
    )
    return ForkedProcess(pid)


@cache
def _forker() -> Forker:
    commands = [f"cli.commands.{command.replace('-', '_')}" for command, _ in COMMANDS]
    names = [f"telemetry_server.{name}" for name in (*commands, *MODULES)]
    return Forker([*names, "tests.support.forked_commands"])


def run(outputs: Sequence[int], words: list[str], environment: dict[str, str], folder: str) -> None:
    """Run the command in this process, which was forked for it."""
    os.setpgid(0, 0)
    for number, output in enumerate(outputs, start=1):
        os.dup2(output, number)
        os.close(output)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    os.nice = lambda _: os.getpriority(os.PRIO_PROCESS, 0)
    sys.argv = ["telemetry_server", *words]
    runpy.run_module("telemetry_server", run_name="__main__", alter_sys=True)
