"""The processes that answer queries."""

import asyncio

import pytest

from telemetry_server.reports.query_pool import QueryPool
from telemetry_server.reports.query_process import QueryStopped


class SlowProcess:
    """A process that answers nothing, and takes some turns of the loop to end."""

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
async def test_leaving_ends_what_is_under_way(is_cancelled):
    """Whether its caller was cancelled just before or still waits: no process is left behind."""
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


class FakeSetup:
    """What the pool asks of its setup."""

    timeout_seconds = 60.0
