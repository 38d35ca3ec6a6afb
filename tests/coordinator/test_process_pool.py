"""Conversion processes: a ping that kills one is refused alone."""

import asyncio
import sys
from contextlib import closing

import pytest

from storage.raw.segment_paths import segments
from telemetry_server.coordinator import process_starter
from telemetry_server.coordinator.batch_planner import Plan, plan_round
from telemetry_server.coordinator.process_pool import ConversionPool
from telemetry_server.coordinator.process_starter import ProcessStarter
from telemetry_server.coordinator.work_items import StoredResult
from tests.support.data_root import World, a_ping, an_id, submitted
from tests.support.deadly_pings import DEADLY, deadly


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.put_specs()
    world.setup = deadly(world.setup)
    return world


def submissions(count, deadly_ones):
    return [submitted(DEADLY if n in deadly_ones else a_ping(n), n) for n in range(count)]


async def test_a_ping_that_kills_its_process_is_refused_and_all_others_stored(world):
    """Its detail says that it killed the process twice, and the counts balance."""
    world.receive(submissions(70, {40}))

    summary = await world.convert(processes=2)

    assert (summary.received, summary.stored) == (70, 69)
    assert summary.quarantined == {"invalid_json": 1}
    ((document_id, refused),) = world.lines("quarantine", reason="invalid_json")
    assert document_id == an_id(40)
    assert "killed the process, twice" in refused["detail"]
    assert world.audit().balanced


async def test_concurrent_rounds_refuse_only_the_deadly_pings(world):
    """A killed process interrupts all rounds, but only a ping that kills a process alone is refused."""
    world.receive(submissions(120, {0, 110}))
    plan = plan_round(segments(world.root.raw), {})
    rounds = [Plan(plan.items[start : start + 40]).tasks(2, frozenset()) for start in (0, 40, 80)]

    with closing(ProcessStarter()) as starter:
        async with ConversionPool(world.setup, 2, starter) as pool:
            results = await asyncio.gather(*map(pool.convert, rounds))

    items = [result for part in results for converted in part for result in converted.results]
    assert len(items) == 120
    not_stored = {number for number, result in enumerate(items) if not isinstance(result, StoredResult)}
    assert not_stored == {0, 110}
    assert all(converted.rows for part in results for converted in part), (
        "the others have rows for the tables"
    )


async def test_an_interpreter_that_is_not_executable_halts_conversion(world, monkeypatch):
    """No ping is refused because of it, and the message says what to do."""
    world.receive(submissions(70, set()))
    monkeypatch.setattr(process_starter, "has_one_thread", lambda: False)
    monkeypatch.setattr(sys, "executable", str(world.root.path))
    monkeypatch.setattr("os.access", lambda path, mode: path != str(world.root.path))

    with pytest.raises(OSError, match="install the server in a folder that its user can read"):
        await world.convert(processes=2)

    assert world.lines("quarantine") == []
    assert world.audit().total.pending == 70
