"""
Commands in processes that are forked from one process, which has imported the product.

Such a process has its own pid, files, environment and signals, and ends as an interpreter does.  Only its
start differs: it takes milliseconds, where the interpreter and the imports take most of a second.  So tests
whose subject is not the start of a command use it for servers and commands.
"""

import atexit
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any

MAX_MESSAGE_BYTES = 1 << 20
# Those of the servers' processes; none may start a thread, because this process forks.
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
                    self.returncode = _parent().ask({"wait": self.pid})
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
    message = {"words": list(words), "environment": dict(environment), "folder": str(Path.cwd())}
    return ForkedProcess(_parent().ask(message, [stdout.fileno(), stderr.fileno()]))


class _Parent:
    """The process that forks; it ends when this one closes the socket, at its end."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.forked_commands", str(theirs.fileno())],
                cwd=Path(__file__).resolve().parents[2],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        atexit.register(self._end)

    def ask(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> int:
        """Return the answer: a pid, or an exit status."""
        with self._lock:
            socket.send_fds(self._socket, [json.dumps(message).encode()], descriptors)
            return int(self._socket.recv(MAX_MESSAGE_BYTES))

    def _end(self) -> None:
        self._socket.close()
        self._process.wait()


@cache
def _parent() -> _Parent:
    return _Parent()


def _fork_until_closed(control: socket.socket) -> dict[str, Any] | None:
    """Return in each forked process what it has to run; in this one None, when the socket is closed."""
    while True:
        text, descriptors, _, _ = socket.recv_fds(control, MAX_MESSAGE_BYTES, 2)
        if not text:
            return None
        message: dict[str, Any] = json.loads(text)
        if "wait" in message:
            _, status = os.waitpid(message["wait"], 0)
            control.send(str(os.waitstatus_to_exitcode(status)).encode())
            continue
        pid = os.fork()
        if not pid:
            control.close()
            os.setpgid(0, 0)
            for number, descriptor in enumerate(descriptors, start=1):
                os.dup2(descriptor, number)
                os.close(descriptor)
            return message
        for descriptor in descriptors:
            os.close(descriptor)
        control.send(str(pid).encode())


def main() -> None:
    """Import the product, and fork until the socket is closed."""
    from telemetry_server.cli.main import COMMANDS

    for command, _ in COMMANDS:
        import_module(f"telemetry_server.cli.commands.{command.replace('-', '_')}")
    for module in MODULES:
        import_module(f"telemetry_server.{module}")
    assert threading.active_count() == 1
    message = _fork_until_closed(socket.socket(fileno=int(sys.argv[1])))
    if message is not None:
        os.chdir(message["folder"])
        os.environ.clear()
        os.environ.update(message["environment"])
        sys.argv = ["telemetry_server", *message["words"]]
        runpy.run_module("telemetry_server", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
