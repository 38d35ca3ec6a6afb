"""Raw submissions go when they are old, converted, and their records are known to be there."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

from telemetry_server.convert.upkeep import Upkeep
from tests.support.data_root import World, a_ping, submitted

LATER = datetime.now(UTC) + timedelta(days=31)


@pytest.fixture
async def world(tmp_path):
    world = World(tmp_path)
    world.put_specs()
    world.receive(submitted(a_ping(number), number) for number in range(5))
    await world.convert()
    return world


async def let_go(world: World, now: datetime, **days: float | None) -> int:
    async with AsyncExitStack() as stack:
        converter = await world.opened(stack)
        return await Upkeep(
            converter,
            **{"raw_retention_days": 30, "dedup_days": None, "quarantine_retention_days": 90} | days,
        ).let_go(now)


async def test_converted_segments_go_after_retention(world):
    """The records and the books stay."""
    assert await let_go(world, datetime.now(UTC)) == 0
    assert await let_go(world, LATER) == 1

    assert list(world.root.raw.glob("*/*.tlg")) == []
    assert len(world.lines()) == 5
    assert world.audit().findings == []
    assert world.audit().total.received == 5


async def test_what_is_not_converted_stays(world):
    """Retention never takes what is nowhere else."""
    world.receive([submitted(a_ping(9), 9)])

    assert await let_go(world, LATER) == 1

    assert len(list(world.root.raw.glob("*/*.tlg"))) == 1
    assert (await world.convert()).stored == 1


async def test_what_a_pending_ping_points_into_stays(tmp_path):
    """Its bytes are nowhere else."""
    world = World(tmp_path, server="http://127.0.0.1:9")
    world.receive([submitted(a_ping(1), 1)])
    assert (await world.convert()).pending == 1

    assert await let_go(world, LATER) == 0


async def test_raw_stays_where_the_records_are_not_all_there(world):
    """A damaged partition file is a reason to keep what it was made from."""
    (file,) = world.root.converted.rglob("*.zst")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)

    assert await let_go(world, LATER) == 0


async def test_ids_are_forgotten_after_the_window(world):
    """With dedup_days set, a repeat after that many days is a new ping."""
    await let_go(world, LATER, dedup_days=2.0)
    world.receive([submitted(a_ping(1), 1)])

    assert (await world.convert()).stored == 1
