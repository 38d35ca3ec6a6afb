"""A day has a limited number of partition folders, even if clients make up builds."""

from contextlib import AsyncExitStack

import pytest

from storage.ledger.ledger import Ledger
from storage.ledger.values import Entry
from telemetry_server.coordinator import partition_limit
from tests.support.data_root import DAY, World, a_ping, an_id, submitted

OTHERS = f"converted/{DAY}/OTHER/OTHER/OTHER/OTHER/OTHER"


@pytest.fixture
def world(tmp_path, monkeypatch):
    # 10,000 folders with a sync each would be slow, so the tests use a limit of 5.
    monkeypatch.setattr(partition_limit, "MAX_PARTITIONS_PER_DAY", 5)
    world = World(tmp_path)
    world.put_specs()
    return world


def of_build(number: int):
    """Return a good ping of a made-up build."""
    ping = a_ping(number)
    ping["info"]["appBuildID"] = f"{number:014}"
    return submitted(ping, number)


def directories(world: World) -> set[str]:
    with Ledger.for_reading(world.root) as ledger:
        return {file.directory for file in ledger.files(f"converted/{DAY}")}


def notes(world: World) -> int:
    with Ledger.for_reading(world.root) as ledger:
        return ledger.tally().get((DAY, Entry.NOTE, partition_limit.PARTITION_OVERFLOW), 0)


async def test_records_beyond_the_limit_share_one_partition_and_are_counted(world):
    """All are stored and found by id, and the counts balance; known partitions still grow."""
    world.receive([of_build(number) for number in range(12)])
    summary = await world.convert()

    assert summary.stored == 12
    assert len(directories(world)) == 6
    assert OTHERS in directories(world)
    assert notes(world) == 7
    assert len(world.lines()) == 12
    assert world.audit().balanced
    with Ledger.for_reading(world.root) as ledger:
        places = {
            ledger.outcomes_of(bytes.fromhex(an_id(n).replace("-", "")))[0].directory for n in range(12)
        }
    assert places == directories(world)

    # After a restart: a known partition, and a new made-up build.
    known = a_ping(100)
    known["info"]["appBuildID"] = f"{0:014}"
    world.receive([submitted(known, 100), of_build(101)])
    async with AsyncExitStack() as stack:
        await (await world.opened(stack)).convert_all()

    assert notes(world) == 8
    assert len(directories(world)) == 6
    assert world.audit().balanced


async def test_a_duplicate_beyond_the_limit_is_still_a_duplicate(world):
    """It adds no second line to the shared partition."""
    world.receive([of_build(number) for number in range(8)])
    await world.convert()
    world.receive([of_build(number) for number in range(8)])
    summary = await world.convert()

    assert (summary.stored, summary.duplicate) == (0, 8)
    assert len(world.lines()) == 8
    assert world.audit().balanced
