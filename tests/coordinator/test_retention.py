"""Raw submissions go when they are old, converted, and their records are known to be there."""

import os
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

import pytest
import structlog

from storage.raw.segment_paths import segments
from telemetry_server.coordinator.retention import RetentionTasks
from tests.support.data_root import NOON, World, a_ping, submitted

DAY = timedelta(days=1)
FAR = 40 * DAY


class Server:
    """A data root with a clock that is handed in, and an upkeep that looks at it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.now = NOON
        self.monotonic = 0.0
        world.clock = lambda: self.now

    def receive(self, *numbers: int) -> None:
        """Keep pings; their segment is as old as the clock says."""
        before = set(segments(self.world.root.raw))
        self.world.receive(submitted(a_ping(number), number, at=self.now) for number in numbers)
        for segment in set(segments(self.world.root.raw)) - before:
            os.utime(segment.path, (self.now.timestamp(),) * 2)

    async def convert(self):
        return await self.world.convert()

    async def remove_expired(self, at: datetime | None = None, **days: float | None) -> int:
        """Look for what is past its time; how many segments went."""
        self.now = at or self.now
        async with AsyncExitStack() as stack:
            converter = await self.world.opened(stack)
            settings = {"raw_retention_days": 30, "dedup_days": 2.0, "quarantine_retention_days": 90} | days
            return await RetentionTasks(converter, clock=lambda: self.now, **settings).remove_expired()

    async def pass_days(self, days: int) -> int:
        """So many days with a ping and a look each; how many segments went."""
        gone = 0
        for _ in range(days):
            self.now += DAY
            self.receive(1000 + (self.now - NOON).days)
            await self.convert()
            gone += await self.remove_expired()
        return gone

    async def knows(self, number: int) -> bool:
        """Whether a repeat of ping *number* is told; it is received either way."""
        self.receive(number)
        return (await self.convert()).duplicate == 1


@pytest.fixture
async def server(tmp_path):
    world = World(tmp_path)
    world.put_specs()
    server = Server(world)
    server.receive(0, 1, 2, 3, 4)
    await server.convert()
    await server.remove_expired()
    return server


async def test_converted_segments_go_after_retention(server):
    """The records and the books stay."""
    assert await server.pass_days(30) == 0
    assert await server.pass_days(1) == 1

    assert len(list(server.world.root.raw.glob("*/*.tlg"))) == 31
    assert len(server.world.lines()) == 5 + 31
    assert server.world.audit().findings == []


async def test_retention_goes_by_the_newest_arrival_as_well_as_by_the_clock(server):
    """Where nothing has come since, nothing has aged, whatever the clock says and for however long."""
    for days in range(40, 44):
        assert await server.remove_expired(NOON + days * DAY) == 0

    assert await server.knows(1)
    server.now += DAY
    assert await server.remove_expired() == 1


async def test_what_is_not_converted_stays(server):
    """Retention never takes what is nowhere else."""
    server.receive(9)
    await server.remove_expired(NOON + 40 * DAY)
    for days in (40, 41, 42):
        await server.remove_expired(NOON + days * DAY)

    assert (await server.convert()).stored == 1


async def test_what_a_pending_ping_points_into_stays(tmp_path):
    """Its bytes are nowhere else."""
    server = Server(World(tmp_path, server="http://127.0.0.1:9", pending_days=90))
    server.receive(1)
    assert (await server.convert()).pending == 1

    assert await server.pass_days(40) == 0


async def test_raw_stays_where_the_records_are_not_all_there(server):
    """A damaged partition file is a reason to keep what it was made from."""
    (file,) = server.world.root.converted.rglob("*.zst")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)

    for days in (35, 36, 37):
        server.now = NOON + days * DAY
        assert await server.remove_expired() == 0


async def test_ids_are_forgotten_after_the_window(server):
    """With dedup_days set, a repeat after that many days is a new ping."""
    await server.pass_days(2)
    assert await server.knows(1)
    await server.pass_days(1)
    assert not await server.knows(1)


@pytest.mark.parametrize("comes", [False, True], ids=["nothing comes meanwhile", "a ping comes meanwhile"])
@pytest.mark.parametrize("away", [FAR, -FAR, 4 * FAR], ids=str)
async def test_a_clock_that_jumps_for_seconds_costs_neither_raw_nor_ids(server, away, comes):
    """It is reported, and not acted on: neither while it is wrong, nor when it is right again."""
    right = server.now
    server.now += away
    if comes:
        server.receive(7)
        await server.convert()
    with structlog.testing.capture_logs() as logs:
        assert await server.remove_expired() == 0
    assert [line["jumped_by_seconds"] for line in logs if "clock jumped" in line["event"]] == [
        away.total_seconds()
    ]
    server.now = right + timedelta(seconds=5)
    assert await server.remove_expired() == 0

    for number in (1, 7) if comes else (1,):
        assert await server.knows(number)
    assert await server.pass_days(1) == 0
    assert server.world.audit().findings == []


async def test_a_server_that_was_off_for_long_expires_again_after_a_day(server):
    """What looked like a jump lasts."""
    server.now += FAR
    server.receive(7)
    await server.convert()

    assert await server.remove_expired() == 0
    server.now += DAY
    assert await server.remove_expired() == 1


async def test_each_run_compares_the_clock_with_the_time_that_passed(server):
    """A jump between two hourly looks is seen at the next turn, and so is its end."""
    async with AsyncExitStack() as stack:
        converter = await server.world.opened(stack)
        upkeep = RetentionTasks(
            converter,
            raw_retention_days=30,
            dedup_days=2.0,
            quarantine_retention_days=90,
            clock=lambda: server.now,
            monotonic=lambda: server.monotonic,
        )
        await upkeep.run()
        doubted = []
        for away in (FAR, -FAR):
            server.now += away + timedelta(seconds=5)
            server.monotonic += 5
            await upkeep.run()
            record = converter.ledger.clock()
            doubted.append((record.is_doubted, record.jumped_by // 86_400))

    assert doubted == [(True, 40), (False, 40)]
