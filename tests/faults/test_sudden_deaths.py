"""A whole server under load is killed, stopped and restarted many times."""

import asyncio
import random
import time
from pathlib import Path

import pytest

from tests.support.figures import Figure
from tests.support.running_server import ForkedServer, telemetry_server
from tests.support.sizes import size
from tests.support.waiting import becomes_true, bound_under_load
from tests.support.whole_server import Clients, is_alive, kill, kill_all, prepare, processes_of

pytestmark = pytest.mark.slow

SETTINGS = {
    "TELEMETRY_REVISION_OFFLINE": "true",
    "TELEMETRY_WORKERS": "2",
    "TELEMETRY_CONVERT_PROCESSES": "1",
}


async def test_a_server_killed_under_load_loses_and_doubles_nothing(tmp_path: Path, figure: Figure) -> None:
    """With 16 clients, one process is killed, then all; the next server recovers within 5 s."""
    chance = random.Random(1)
    data = tmp_path / "data"
    prepare(data)
    clients = Clients()
    recoveries = []
    for _ in range(size(4, 200)):
        clients.padding = chance.choice([0, 240_000])  # large batches go past the page cache
        started, before = time.monotonic(), clients.acknowledged
        server = ForkedServer(data, SETTINGS)
        await asyncio.to_thread(server.__enter__)
        async with clients.sending(server.url):
            assert await becomes_true(lambda before=before: clients.acknowledged > before)
            recoveries.append(time.monotonic() - started)
            await asyncio.sleep(chance.uniform(0.05, 0.8))
            there = processes_of(server)
            victim = chance.choice([there.supervisor, *there.workers, *there.converters[:1]])
            kill(victim)
            await asyncio.sleep(chance.uniform(0.0, 0.4))
            kill(*there.all)
            kill_all(server)
            assert await becomes_true(lambda there=there: not any(map(is_alive, there.all)))
    figure.title = "T1 kills under load"
    figure.runs = len(recoveries)
    figure.acknowledged = clients.acknowledged
    figure.notes.append(
        f"recovery {sorted(recoveries)[len(recoveries) // 2]:.1f} s, at most {max(recoveries):.1f} s"
    )
    figure.lost, figure.doubled, found = await asyncio.to_thread(clients.check, data)
    assert found == []
    assert (await asyncio.to_thread(clients.check, data))[2] == []
    assert max(recoveries) < bound_under_load(5.0)


async def test_a_server_stopped_under_load_loses_nothing(tmp_path: Path, figure: Figure) -> None:
    """After SIGTERM at 500 requests a second it exits with 0 within 20 s; all answers are 200 or 503."""
    data = tmp_path / "data"
    prepare(data)
    clients = Clients(rate=500.0)
    drains = []
    for _ in range(size(3, 50)):
        before = clients.acknowledged
        server = ForkedServer(data, SETTINGS)
        await asyncio.to_thread(server.__enter__)
        async with clients.sending(server.url, clients=32):
            assert await becomes_true(lambda before=before: clients.acknowledged > before + 200)
            started = time.monotonic()
            assert await asyncio.to_thread(server.stop), server._log_path.read_text()[-2000:]
            drains.append(time.monotonic() - started)
    figure.title = "T14 drains at 500 requests/s"
    figure.runs = len(drains)
    figure.acknowledged = clients.acknowledged
    figure.notes.append(
        f"drain at most {max(drains):.1f} s; answers {dict(sorted(clients.history.statuses.items()))}"
    )
    figure.lost, figure.doubled, found = await asyncio.to_thread(clients.check, data)
    assert found == []
    assert set(clients.history.statuses) <= {200, 503}
    assert max(drains) < bound_under_load(20.0)


async def test_no_process_is_left_when_the_converter_is_killed(tmp_path: Path) -> None:
    """Its conversion processes end with it."""
    data = tmp_path / "data"
    prepare(data)
    clients = Clients()
    with ForkedServer(data, {**SETTINGS, "TELEMETRY_WORKERS": "1"}) as server:
        async with clients.sending(server.url):
            # Under load there is more work than the coordinator does alone.
            assert await becomes_true(lambda: len(processes_of(server).converters) > 2)
        there = processes_of(server)
        kill(there.converters[0])
        gone = await becomes_true(lambda: not any(map(is_alive, there.converters)))
    assert gone
    assert not any(map(is_alive, there.all))
    assert telemetry_server("convert", "--data", str(data), TELEMETRY_REVISION_OFFLINE="true").returncode == 0
