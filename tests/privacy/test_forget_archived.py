"""Deletion reaches days that are only in the archive."""

import shutil
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from storage.disk import Disk
from storage.errors import ArchiveAway
from storage.ledger.ledger import Ledger
from telemetry_server.aggregates.sealing import Sealer
from telemetry_server.archive.run import ArchivePlan, archive_days
from telemetry_server.privacy.retention.age import RetentionDays
from telemetry_server.privacy.retention.run import RecordRetention, run_retention
from tests.privacy.test_forget import ALICE, BOB, documents, forgetter, world_of
from tests.support.data_root import NOON, World, a_ping, submitted
from tests.support.independent_scan import hits


async def two_folders(path: Path, *, with_alice: bool) -> World:
    """Return a world with a second folder of records, which has nothing of Alice."""
    world = await world_of(path, with_alice=with_alice)
    other = a_ping(60, clientID=BOB)
    other["info"]["appVersion"] = "99.0"
    world.receive([submitted(other, 60)])
    await world.convert()
    return world


async def archived_world(tmp_path: Path, *, keeps_local: bool = False) -> World:
    """Return a world whose day is in an archive beside it; the deletion's index was not made yet."""
    world = await two_folders(tmp_path / "data", with_alice=True)
    plan = ArchivePlan(str(tmp_path / "archive"), keeps_local=keeps_local, with_tables=True)
    assert [each.problem for each in archive_days(world.root, Disk(), plan)] == [""]
    assert bool(local_files(world)) is keeps_local
    return world


def local_files(world: World) -> list[Path]:
    stores = (world.root.converted, world.root.path / "tables")
    return [path for store in stores for path in store.rglob("*") if path.is_file()]


@pytest.mark.parametrize("keeps_local", [False, True])
async def test_nothing_of_a_client_is_left_in_the_archive_either(tmp_path, keeps_local):
    """Its files are rewritten and committed, and the old objects deleted; dropped days stay dropped."""
    world = await archived_world(tmp_path, keeps_local=keeps_local)
    other = await two_folders(tmp_path / "without", with_alice=False)
    ids = [ALICE, *documents()]
    assert hits(tmp_path / "archive", ids)
    untouched = set((tmp_path / "archive").rglob("**/99.0/**/*.zst"))

    report = forgetter(world).forget([ALICE], [])

    assert report.left == []
    assert hits(tmp_path / "archive", ids) == {}
    assert hits(world.root.path, ids) == {}
    assert bool(local_files(world)) is keeps_local
    assert len(untouched) == 1
    assert set((tmp_path / "archive").rglob("**/99.0/**/*.zst")) == untouched
    assert sorted(world.lines()) == sorted(other.lines())
    assert world.audit().findings == []
    assert world.check_tables() == []
    scan = forgetter(world).scan()
    assert (scan.hits, scan.unreadable) == ({}, [])
    with Ledger.for_reading(world.root) as ledger:
        assert ledger.removed_objects() == {}


async def test_a_deletion_goes_on_when_the_archive_is_there_again(tmp_path, monkeypatch):
    """Away at the beginning nothing is done; away at the end the old objects are deleted by the next run."""
    world = await archived_world(tmp_path)
    ids = [ALICE, *documents()]
    shutil.move(tmp_path / "archive", tmp_path / "away")
    with pytest.raises(ArchiveAway):
        forgetter(world).forget([ALICE], [])
    shutil.move(tmp_path / "away", tmp_path / "archive")

    commits = tmp_path / "archive" / "commits"
    (commits / "0000000001.json").rename(tmp_path / "first.json")
    report = forgetter(world).carry_out()
    assert len(report.left) == 1
    assert "run it again" in report.left[0]
    assert hits(tmp_path / "archive", ids)

    (tmp_path / "first.json").rename(commits / "0000000001.json")
    report = forgetter(world).carry_out()
    assert report.left == []
    assert hits(tmp_path / "archive", ids) == {}
    assert hits(world.root.path, ids) == {}
    assert local_files(world) == []
    assert world.audit().findings == []


async def test_records_of_archived_days_go_with_their_retention(tmp_path):
    """The ledger drops them, and the next run of the archive deletes their objects."""
    world = await archived_world(tmp_path)
    plan = ArchivePlan(str(tmp_path / "archive"), keeps_local=False, with_tables=True)
    stored = {path.suffix for path in (tmp_path / "archive").rglob("*") if path.is_file()}
    assert {".zst", ".parquet"} <= stored

    async with AsyncExitStack() as stack:
        converter = await world.opened(stack)
        records = RecordRetention(1, Sealer(world.root, Disk(), 1).seal, remembers_ids=False)
        result = await run_retention(converter, RetentionDays(1, 90, 1), records, NOON + timedelta(days=3))
    assert result.findings == []
    assert [each.problem for each in archive_days(world.root, Disk(), plan)] == [""]

    left = {path.suffix for path in (tmp_path / "archive").rglob("*") if path.is_file()}
    assert not left & {".zst", ".parquet"}
    assert world.lines() == []
    assert world.audit().findings == []
    assert world.check_tables() == []
