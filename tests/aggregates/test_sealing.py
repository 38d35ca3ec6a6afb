"""Days whose records are gone: their tables stay, without client ids and without small cells."""

import shutil
from contextlib import suppress

import pytest

from storage.aggregates.day_table import folder_of, read_day_table
from storage.disk import Disk
from telemetry_server.aggregates.check import Checker
from telemetry_server.aggregates.clients_answer import clients_answer
from telemetry_server.aggregates.sealing import Sealer, sealed_days
from telemetry_server.aggregates.update import TableFileMissing
from tests.aggregates.pings import (
    FIXTURE,
    LINUX,
    MAC,
    REVISION,
    SPEC,
    WINDOWS,
    Aggregates,
    Main,
    client_id,
    exp,
    filled,
    histogram,
)
from tests.aggregates.test_histories import DyingDisk, Killed, forget
from tests.support.data_root import World

DAY, BUILD = "20261120", "20261118"
SHOWN = ("counts", "sum", "samples", "instances", "pings", "without_client", "mean", "all_pings")


async def aggregates_of(path, pings):
    """The aggregates of *pings*."""
    world = World(path)
    world.put_specs(REVISION, SPEC)
    await filled(world, pings)
    found = Aggregates(world)
    found.update()
    return found


def seal(found, seal_below, disk=None):
    """Seal the 20th."""
    return Sealer(found.world.root, disk or Disk(), seal_below).seal([DAY])


def shown(row):
    """What sealing of large cells does not change."""
    return {name: row[name] for name in SHOWN}


async def test_a_sealed_day_keeps_its_numbers_and_no_client_id(tmp_path):
    """Whatever is deleted afterwards; the list marks the day."""
    found = await aggregates_of(tmp_path, FIXTURE.values())
    before = {by: found.answer(by=by) for by in ("day", "build", "version")}

    assert seal(found, 1) == [DAY]
    after = {by: found.answer(by=by) for by in before}
    for by, answer in before.items():
        assert list(map(shown, after[by]["rows"])) == list(map(shown, answer["rows"])), by
        assert after[by]["sealed_days"] == [DAY]
    assert read_day_table(found.world.root, DAY).is_sealed
    assert sealed_days(found.world.root) == [DAY]
    written = b"".join(path.read_bytes() for path in folder_of(found.world.root, DAY).iterdir())
    assert len(list(folder_of(found.world.root, DAY).iterdir())) == 2
    assert bytes.fromhex(client_id("A").replace("-", "")) not in written
    forget(found.world, "A")
    found.update()
    assert shown(found.row(DAY, by="day")) == shown(after["day"]["rows"][0])
    result = Checker(found.world.root).check()
    assert (result.findings, result.behind) == ([], [])
    assert seal(found, 1) == []


async def test_a_day_with_a_missing_table_file_is_not_sealed(tmp_path):
    """The file is named; another try would end the same way."""
    world = World(tmp_path)
    world.put_specs(REVISION, SPEC)
    await filled(world, FIXTURE.values())
    path = min(tmp_path.glob(f"tables/histograms/{DAY}/part-*"))
    path.unlink()

    with pytest.raises(TableFileMissing, match=path.name):
        Sealer(world.root, Disk(), 1).seal([DAY])


async def test_clients_of_sealed_days_are_exact_or_at_least(tmp_path):
    """Exact for a whole day and for one cell; ids are gone, so other sums have a least number only."""
    found = await aggregates_of(tmp_path, FIXTURE.values())
    seal(found, 1)
    by_day = {row["day"]: row for row in clients_answer(found.reader, ("day",))["rows"]}
    by_version = clients_answer(found.reader, ("version",))["rows"]

    assert by_day[DAY] == {"day": DAY, "clients": 2, "pings": 3}
    assert by_version == [{"version": "42", "clients": None, "clients_at_least": 2, "pings": 6}]
    assert found.row(DAY, by="day")["clients"] == 2
    assert found.row(DAY, by="day", os="Darwin")["clients"] == 1
    row = found.row(BUILD)
    assert (row["clients"], row["clients_at_least"]) == (None, 2)


SMALL = [
    *(Main(number, "ABC"[number], 20, os=MAC, parent=exp({8: 1}, 9)) for number in range(3)),
    Main(3, "D", 20, os=WINDOWS, parent=exp({21: 1}, 30)),
    Main(4, "E", 20, os=LINUX, parent=exp({1: 1}, 1)),
    Main(5, "F", 20, os=LINUX, channel="beta", build="20261117030000", parent=exp({1: 4}, 4)),
    Main(6, None, 20, os=LINUX, channel="esr", parent=exp({1: 2}, 2)),
]  # fmt: skip


async def test_small_cells_are_merged_and_large_ones_stay(tmp_path):
    """First systems, then everything; the numbers of the day do not change."""
    found = await aggregates_of(tmp_path, SMALL)
    before = found.row(DAY, by="day")
    seal(found, 2)

    assert shown(found.row(DAY, by="day")) == shown(before)
    assert found.row(DAY, by="day", os="Darwin")["clients"] == 3
    assert found.answer(by="day", os="Windows_NT")["rows"] == []
    nightly = found.row(BUILD, os="OTHER", channel="nightly")
    assert (nightly["clients"], nightly["sum"], nightly["pings"]) == (2, 31, 2)
    rest = found.row("UNKNOWN", channel="OTHER")
    assert (rest["clients"], rest["sum"], rest["pings"], rest["without_client"]) == (1, 6, 2, 1)
    assert found.answer(channel="beta")["rows"] == []


async def test_small_labels_and_processes_are_merged(tmp_path):
    """A ping of several labels or processes is still one ping."""
    pings = [
        Main(
            number, "ABC"[number], 20, parent=exp({8: 1}, 9), content=exp({1: 1}, 1) if not number else {},
            payload={"keyedHistograms": {"KEXP": {
                "all": histogram("KEXP", {1: 1}, 1), f"own {number}": histogram("KEXP", {3: 1}, 4)}}},
        )
        for number in range(3)
    ]  # fmt: skip
    found = await aggregates_of(tmp_path, pings)
    before = {metric: found.row(DAY, metric, by="day") for metric in ("EXP", "KEXP")}
    seal(found, 2)

    for metric, row in before.items():
        assert shown(found.row(DAY, metric, by="day")) == shown(row)
    assert found.row(DAY, "KEXP", by="day", label="all")["clients"] == 3
    assert found.row(DAY, "KEXP", by="day", label="OTHER")["instances"] == 3
    assert found.answer("KEXP", by="day", label="own 1")["rows"] == []
    content = found.row(DAY, by="day", process="content")
    assert (content["clients"], content["sum"]) == (1, 1)


async def test_what_answers_leave_out_stays_left_out(tmp_path):
    """Merged pings of test machines and of implausible builds are not in the views of others."""
    pings = [
        Main(1, "A", 20, "20240101030000", parent=exp({8: 1}, 9)),
        Main(2, "B", 20, parent=exp({8: 1}, 9), headers={"x-source-tags": "automation"}),
        Main(3, "C", 20, parent=exp({8: 1}, 9)),
    ]
    found = await aggregates_of(tmp_path, pings)
    before = found.answer(by="day")
    seal(found, 10)
    after = found.answer(by="day")

    assert after["left_out"] == before["left_out"] == {"automation": 1, "implausible_build": 1}
    assert shown(after["rows"][0]) == shown(before["rows"][0])


async def test_answers_by_client_leave_sealed_days_out_and_say_so(tmp_path):
    """What each client sent is gone."""
    found = await aggregates_of(tmp_path, FIXTURE.values())
    seal(found, 1)
    answer = found.answer(by="day", weight="clients")

    assert [row["group"] for row in answer["rows"]] == ["20261121"]
    assert answer["sealed_days"] == [DAY]


@pytest.mark.parametrize("operations", range(0, 40, 4))
async def test_a_kill_leaves_a_day_open_or_sealed(tmp_path, operations):
    """The next run ends what was begun; nothing of clients is left beside a sealed table."""
    found = await aggregates_of(tmp_path, FIXTURE.values())
    before = shown(found.row(DAY, by="day"))
    with suppress(Killed):
        seal(found, 1, DyingDisk(operations))
    assert shown(found.row(DAY, by="day")) == before
    seal(found, 1)
    found.update()

    assert shown(found.row(DAY, by="day")) == before
    assert len(list(folder_of(found.world.root, DAY).iterdir())) == 2
    assert Checker(found.world.root).check().findings == []


async def test_a_damaged_sealed_day_is_reported_and_not_removed(tmp_path):
    """It could not be made again."""
    found = await aggregates_of(tmp_path, FIXTURE.values())
    seal(found, 1)
    folder = folder_of(found.world.root, DAY)
    folder.joinpath("table.json").write_text("{")
    shutil.rmtree(found.world.root.path / "tables" / "histograms" / DAY)
    found.update()

    assert (folder / "sealed-sealed.summary").exists()
    assert any(DAY in finding for finding in Checker(found.world.root).check().findings)
