"""The conversion lag, read from disk."""

from datetime import UTC, datetime, timedelta

import pytest

from storage.progress.conversion_state import ConversionState
from storage.progress.waiting import ConversionWatch
from tests.support.data_root import NOON, World, a_ping, submitted


def lag(world: World, now: datetime, *, converts: bool = True) -> float:
    return ConversionWatch(world.root, converts=converts).lag_seconds(now)


@pytest.mark.parametrize("converts", [True, False])
async def test_the_lag_counts_submissions_that_wait_in_raw(tmp_path, converts):
    """It also counts them without a ledger, and in a server that does not convert."""
    world = World(tmp_path)
    world.put_specs()
    assert lag(world, NOON, converts=converts) == 0

    world.receive([submitted(a_ping(1), 1)])
    assert lag(world, NOON + timedelta(seconds=90), converts=converts) == 90
    await world.convert()
    assert lag(world, NOON + timedelta(seconds=90), converts=converts) == 0

    world.receive([submitted(a_ping(2), 2, at=NOON + timedelta(hours=1))])
    assert lag(world, NOON + timedelta(hours=3), converts=converts) == 7200


async def test_the_lag_counts_pending_pings(tmp_path):
    """Their wait begins when they become pending."""
    world = World(tmp_path, server="http://127.0.0.1:9")
    world.clock = lambda: NOON + timedelta(minutes=1)
    world.receive([submitted(a_ping(1), 1)])
    assert (await world.convert()).pending == 1

    assert lag(world, NOON + timedelta(minutes=11)) == 600


@pytest.mark.parametrize("damage", ["none", "foreign", "garbage"])
async def test_the_lag_counts_a_halt_even_with_an_unreadable_ledger(tmp_path, damage):
    """The lag counts from the start of the halt, although no submission waits."""
    world = World(tmp_path)
    await world.convert()
    if damage == "garbage":
        world.root.ledger.write_bytes(b"garbage" * 1000)
    if damage == "foreign":
        world.root.ledger.unlink()
        world.root.ledger.mkdir()
    ConversionState(world.root).halt("any reason", now=NOON)
    ConversionState(world.root).halt("another", now=NOON + timedelta(hours=1))

    assert lag(world, NOON + timedelta(hours=2)) == 7200
    halt = ConversionState(world.root).read()
    assert (halt.since, halt.reason) == (NOON, "another")
    ConversionState(world.root).clear()
    assert ConversionState(world.root).read() is None


def test_a_halt_is_stored_in_a_file_of_fixed_size(tmp_path):
    """So it can be stored on a full disk; a long reason is cut to one line."""
    world = World(tmp_path)
    state = ConversionState(world.root)
    state.clear()
    (file,) = world.root.state.glob("conversion*")
    size = file.stat().st_size

    for reason in (
        "short",
        "a long reason\
"
        * 1000,
        "ü" * 5000,
    ):
        state.halt(reason)
        assert file.stat().st_size == size
        assert "\n" not in state.read().reason
    assert state.read().since <= datetime.now(UTC)
