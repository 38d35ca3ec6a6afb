"""The eight pings and their fates: whatever happened before, the same records have the same tables."""

import random
from contextlib import suppress
from dataclasses import replace

import pytest

from storage.disk import Disk
from telemetry_server.aggregates.check import Checker
from telemetry_server.aggregates.update import Updater
from tests.aggregates.canonical import day_tables
from tests.aggregates.pings import (
    FIXTURE,
    LATER,
    REVISION,
    SPEC,
    Aggregates,
    Main,
    exp,
    filled,
)
from tests.aggregates.test_histories import DyingDisk, Killed, Life, forget
from tests.support.data_root import World

FIRST, SECOND = "20261118", "20261119"


async def lived(path, pings, *, at_once=True):
    """The aggregates of *pings*."""
    world = World(path)
    world.put_specs(REVISION, SPEC)
    await filled(world, pings, at_once=at_once)
    found = Aggregates(world)
    found.update()
    return found


async def test_without_a_client_the_tables_are_those_of_pings_without_it(tmp_path):
    """Its rows go, and what is left weighs the same."""
    found = await lived(tmp_path / "all", FIXTURE.values())
    forget(found.world, "A")
    found.update()
    without = await lived(tmp_path / "rest", [ping for ping in FIXTURE.values() if ping.client != "A"])
    row = found.row(FIRST)

    assert row["counts"] == [0, 0, 100, 0, 0, 0, 0, 0, 0, 1]
    assert [row[name] for name in ("sum", "instances", "pings", "clients")] == [9400, 2, 2, 1]
    weights = found.row(FIRST, weight="clients")["counts"]
    assert [each for each in weights if each] == [pytest.approx(100 / 101), pytest.approx(1 / 101)]
    assert day_tables(found.world.root) == day_tables(without.world.root)


@pytest.mark.parametrize("seed", [1, 2])
async def test_neither_order_nor_kills_change_the_tables(tmp_path, seed):
    """One ping at a time, with an update that is killed after each."""
    expected = await lived(tmp_path / "at once", FIXTURE.values())
    chance = random.Random(seed)
    world = World(tmp_path / "one by one")
    world.put_specs(REVISION, SPEC)
    # Of two with one id, the first that comes is the record.
    pings = [ping for name, ping in FIXTURE.items() if name != "P5"]
    chance.shuffle(pings)
    for ping in [*pings, FIXTURE["P5"]]:
        await filled(world, [ping])
        with suppress(Killed):
            Updater(world.root, DyingDisk(chance.randint(0, 12))).update()
    Updater(world.root, Disk()).update()

    assert day_tables(world.root) == day_tables(expected.world.root)


async def test_a_repeat_that_comes_a_hundred_times_changes_nothing(tmp_path):
    """On another day too, and with other bytes under its id."""
    found = await lived(tmp_path, FIXTURE.values())
    before = day_tables(found.world.root)
    again = [replace(FIXTURE["P5"], day=20 + number % 4) for number in range(100)]
    await filled(found.world, [*again, Main(1, "Z", 22, parent=exp({8: 99}, 999))])
    found.update()

    assert day_tables(found.world.root) == before


async def test_a_late_ping_counts_on_the_day_it_comes(tmp_path):
    """The numbers of its build are the same."""
    pings = {**FIXTURE, "P4": replace(FIXTURE["P4"], day=23)}
    found = await lived(tmp_path, pings.values())

    assert found.row("20261121", by="day")["counts"] == [4, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert found.row("20261123", by="day")["counts"] == [0, 0, 0, 0, 0, 3, 1, 0, 0, 0]
    assert found.row(SECOND)["counts"] == [4, 0, 0, 0, 0, 3, 1, 0, 0, 0]


async def test_a_replayed_ping_counts_on_the_day_it_came(tmp_path):
    """Its definitions come later."""
    pings = {**FIXTURE, "P6": replace(FIXTURE["P6"], revision=LATER)}
    found = await lived(tmp_path, pings.values())
    before = found.row("20261121", by="day")
    found.world.put_specs(LATER, SPEC)
    await found.world.replay()
    found.update()
    after = found.row("20261121", by="day")

    assert before["counts"] == [4, 0, 0, 0, 0, 3, 1, 0, 0, 0]
    assert after["counts"] == [4, 0, 0, 0, 0, 3, 1, 0, 0, 1]


async def test_compaction_changes_no_number(tmp_path):
    """Fewer files, the same tables."""
    found = await lived(tmp_path, FIXTURE.values(), at_once=False)
    before = day_tables(found.world.root)
    await Life(found.world).compact()
    found.update()

    assert day_tables(found.world.root) == before
    assert Checker(found.world.root).check().findings == []
