"""The processes that answer queries."""

import asyncio
import socket

import pytest

from telemetry_server.reports.query_pool import QueryPool
from telemetry_server.reports.query_process import QueryProcess, QueryStopped


class SlowProcess:
    """A process that does not answer, and needs some turns of the loop to end."""

    is_alive = True

    def __init__(self) -> None:
        self.has_ended = asyncio.Event()

    async def ask(self, *_: object) -> bytes:
        await self.has_ended.wait()
        raise QueryStopped("its process ended")

    async def kill(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)
        self.has_ended.set()


@pytest.mark.parametrize("is_cancelled", [True, False])
async def test_leaving_the_pool_ends_running_queries(is_cancelled):
    """No process is left, whether the caller was just cancelled or still waits."""
    started = []

    async def start(_setup: object) -> SlowProcess:
        started.append(SlowProcess())
        return started[-1]

    before = asyncio.all_tasks()
    async with QueryPool(FakeSetup(), start) as pool:
        asker = asyncio.create_task(pool.run("pings", {}))
        while not started:
            await asyncio.sleep(0)
        if is_cancelled:
            asker.cancel()

    assert [process.has_ended.is_set() for process in started] == [True]
    assert asyncio.all_tasks() - before - {asker} == set()
    with pytest.raises((QueryStopped, asyncio.CancelledError)):
        await asker


async def test_a_process_that_ends_too_late_leaves_nothing_open():
    """The loop ends, and with it the task that waits for the end of the killed process."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    process = QueryProcess(UnendingProcess(reader, writer))
    with theirs:
        killing = asyncio.create_task(process.kill())
        await asyncio.sleep(0)
        killing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await killing

        assert writer.is_closing()
        await writer.wait_closed()


class UnendingProcess:
    """What `QueryProcess` uses of a process; it does not end."""

    returncode = None

    def __init__(self, stdout: asyncio.StreamReader, stdin: asyncio.StreamWriter) -> None:
        self.stdout, self.stdin, self._transport = stdout, stdin, stdin.transport

    def kill(self) -> None: ...

    async def wait(self) -> None:
        await asyncio.Event().wait()


class FakeSetup:
    """The part of a setup that the pool uses."""

    timeout_seconds = 60.0
