"""Raw submissions are removed when they are old, converted, and their records are verified."""

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
    """A data root with a test clock, and its retention."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.now = NOON
        self.monotonic = 0.0
        world.clock = lambda: self.now

    def receive(self, *numbers: int) -> None:
        """Store pings in a segment with the time of the test clock."""
        before = set(segments(self.world.root.raw))
        self.world.receive(submitted(a_ping(number), number, at=self.now) for number in numbers)
        for segment in set(segments(self.world.root.raw)) - before:
            os.utime(segment.path, (self.now.timestamp(),) * 2)

    async def convert(self):
        return await self.world.convert()

    async def remove_expired(self, at: datetime | None = None, **days: float | None) -> int:
        """Remove expired data; return how many segments were removed."""
        self.now = at or self.now
        async with AsyncExitStack() as stack:
            converter = await self.world.opened(stack)
            settings = {"raw_retention_days": 30, "dedup_days": 2.0, "quarantine_retention_days": 90} | days
            return await RetentionTasks(converter, clock=lambda: self.now, **settings).remove_expired()

    async def pass_days(self, days: int) -> int:
        """Advance by *days*, with a ping and a retention run each day; return the removed segments."""
        removed = 0
        for _ in range(days):
            self.now += DAY
            self.receive(1000 + (self.now - NOON).days)
            await self.convert()
            removed += await self.remove_expired()
        return removed

    async def knows(self, number: int) -> bool:
        """Whether a repeat of ping *number* is a duplicate; it is received either way."""
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


async def test_converted_segments_are_removed_after_retention(server):
    """Records and counts stay."""
    assert await server.pass_days(30) == 0
    assert await server.pass_days(1) == 1

    assert len(list(server.world.root.raw.glob("*/*.tlg"))) == 31
    assert len(server.world.lines()) == 5 + 31
    assert server.world.audit().findings == []


async def test_age_is_limited_by_the_newest_arrival(server):
    """Without new pings nothing expires, even if the clock moves on."""
    for days in range(40, 44):
        assert await server.remove_expired(NOON + days * DAY) == 0

    assert await server.knows(1)
    server.now += DAY
    assert await server.remove_expired() == 1


async def test_unconverted_segments_stay(server):
    server.receive(9)
    await server.remove_expired(NOON + 40 * DAY)
    for days in (40, 41, 42):
        await server.remove_expired(NOON + days * DAY)

    assert (await server.convert()).stored == 1


async def test_segments_of_pending_pings_stay(tmp_path):
    """A pending ping has no other copy."""
    server = Server(World(tmp_path, server="http://127.0.0.1:9", pending_days=90))
    server.receive(1)
    assert (await server.convert()).pending == 1

    assert await server.pass_days(40) == 0


async def test_segments_stay_if_records_of_their_day_are_missing(server):
    """A damaged partition file can be rebuilt from them."""
    (file,) = server.world.root.converted.rglob("*.zst")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)

    for days in (35, 36, 37):
        server.now = NOON + days * DAY
        assert await server.remove_expired() == 0


async def test_ids_are_forgotten_after_the_window(server):
    """After dedup_days, a repeated id is a new ping."""
    await server.pass_days(2)
    assert await server.knows(1)
    await server.pass_days(1)
    assert not await server.knows(1)


@pytest.mark.parametrize("receives", [False, True], ids=["no ping arrives", "a ping arrives"])
@pytest.mark.parametrize("jump", [FAR, -FAR, 4 * FAR], ids=str)
async def test_a_short_jump_of_the_clock_removes_nothing(server, jump, receives):
    """The jump is reported, but nothing expires during it or after it."""
    right = server.now
    server.now += jump
    if receives:
        server.receive(7)
        await server.convert()
    with structlog.testing.capture_logs() as logs:
        assert await server.remove_expired() == 0
    assert [line["jumped_by_seconds"] for line in logs if "clock jumped" in line["event"]] == [
        jump.total_seconds()
    ]
    server.now = right + timedelta(seconds=5)
    assert await server.remove_expired() == 0

    for number in (1, 7) if receives else (1,):
        assert await server.knows(number)
    assert await server.pass_days(1) == 0
    assert server.world.audit().findings == []


async def test_a_server_that_was_off_for_weeks_removes_expired_data_after_a_day(server):
    """A clock that stays ahead for a day is trusted."""
    server.now += FAR
    server.receive(7)
    await server.convert()

    assert await server.remove_expired() == 0
    server.now += DAY
    assert await server.remove_expired() == 1


async def test_each_run_compares_the_clock_with_the_time_that_passed(server):
    """A jump between two hourly runs is seen at the next turn, and so is its end."""
    async with AsyncExitStack() as stack:
        converter = await server.world.opened(stack)
        retention = RetentionTasks(
            converter,
            raw_retention_days=30,
            dedup_days=2.0,
            quarantine_retention_days=90,
            clock=lambda: server.now,
            monotonic=lambda: server.monotonic,
        )
        await retention.run()
        doubted = []
        for jump in (FAR, -FAR):
            server.now += jump + timedelta(seconds=5)
            server.monotonic += 5
            await retention.run()
            record = converter.ledger.clock()
            doubted.append((record.is_doubted, record.jumped_by // 86_400))

    assert doubted == [(True, 40), (False, 40)]
