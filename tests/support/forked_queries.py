"""
Query processes that are forked from one process, which has imported everything.

A start takes milliseconds, where the interpreter and the imports would take a third of a second.  The
processes differ in nothing else from those of `QueryProcess.start`, which tests of the whole server use.
"""

import asyncio
import atexit
import os
import signal
import socket
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from pickle import dumps
from typing import cast

from telemetry_server.reports.queries import worker
from telemetry_server.reports.queries.setup import QuerySetup
from telemetry_server.reports.query_process import ENVIRONMENT, READ_BUFFER_BYTES, QueryProcess

PID_BYTES = 4


class ForkedProcess:
    """What `QueryProcess` uses of ``asyncio.subprocess.Process``."""

    def __init__(self, pid: int, stdout: asyncio.StreamReader, stdin: asyncio.StreamWriter) -> None:
        self._pid = pid
        self.stdout = stdout
        self.stdin = stdin
        self._transport = stdin.transport

    @property
    def returncode(self) -> int | None:
        """None while the process runs."""
        return 0 if self.stdout.at_eof() else None

    def kill(self) -> None:
        """Send SIGKILL."""
        os.kill(self._pid, signal.SIGKILL)

    async def wait(self) -> None:
        """Wait until the process has ended."""
        while await self.stdout.read(READ_BUFFER_BYTES):
            pass


async def start(setup: QuerySetup) -> QueryProcess:
    """Fork a process and send it *setup*; hand this to a `QueryPool`."""
    ours, theirs = socket.socketpair()
    control, _ = _parent()
    with theirs:
        socket.send_fds(control, [b"x"], [theirs.fileno()])
    pid = int.from_bytes(control.recv(PID_BYTES), "big")
    reader, writer = await asyncio.open_connection(sock=ours, limit=READ_BUFFER_BYTES)
    process = QueryProcess(cast(asyncio.subprocess.Process, ForkedProcess(pid, reader, writer)))
    process._send(dumps(setup))
    return process


@cache
def _parent() -> tuple[socket.socket, "subprocess.Popen[bytes]"]:
    """Start the process that forks; it ends when this one closes the socket, at its end."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked_queries", str(theirs.fileno())],
            cwd=Path(__file__).resolve().parents[2],
            pass_fds=[theirs.fileno()],
            env=os.environ | ENVIRONMENT,
        )
    atexit.register(_end, ours, process)
    return ours, process


def _end(control: socket.socket, process: "subprocess.Popen[bytes]") -> None:
    control.close()
    process.wait()


def _fork_for_ever(control: socket.socket) -> None:
    for module, _ in worker.QUERIES.values():
        import_module(f"telemetry_server.reports.queries.{module}")
    for module in ("duckdb", "pyarrow.dataset", "pyarrow.parquet"):
        import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the processes
    parent = os.getpid()
    while True:
        asked, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not asked:
            return
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            control.close()
            os.dup2(descriptors[0], 0)
            os.dup2(descriptors[0], 1)
            os.close(descriptors[0])
            sys.argv = [worker.__name__, str(parent)]
            try:
                worker.main()
            finally:
                os._exit(0)
        os.close(descriptors[0])
        control.sendall(pid.to_bytes(PID_BYTES, "big"))


if __name__ == "__main__":
    _fork_for_ever(socket.socket(fileno=int(sys.argv[1])))
