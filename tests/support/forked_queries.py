"""
Query processes that are forked.

They differ only in their start from those of `QueryProcess.start`, which tests of the whole server use.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence
from functools import cache
from pickle import dumps
from typing import cast

from telemetry_server.reports.queries import worker
from telemetry_server.reports.queries.setup import QuerySetup
from telemetry_server.reports.query_process import ENVIRONMENT, READ_BUFFER_BYTES, QueryProcess
from tests.support.forking import Forker

IMPORTED_LATE = ("duckdb", "pyarrow.dataset", "pyarrow.parquet")


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
    with theirs:
        pid = _forker().fork("tests.support.forked_queries:run", [theirs.fileno()])
    reader, writer = await asyncio.open_connection(sock=ours, limit=READ_BUFFER_BYTES)
    process = QueryProcess(cast(asyncio.subprocess.Process, ForkedProcess(pid, reader, writer)))
    process._send(dumps(setup))
    return process


@cache
def _forker() -> Forker:
    queries = {f"telemetry_server.reports.queries.{module}" for module, _ in worker.QUERIES.values()}
    return Forker([*sorted(queries), *IMPORTED_LATE, "tests.support.forked_queries"], ENVIRONMENT)


def run(connection: Sequence[int]) -> None:
    """Answer questions in this process, which was forked for it."""
    for number in (0, 1):
        os.dup2(connection[0], number)
    os.close(connection[0])
    sys.argv = [worker.__name__, str(os.getppid())]
    try:
        worker.main()
    finally:
        os._exit(0)
