"""Replay converts quarantined submissions again after a fix."""

from dataclasses import replace

import pytest

from storage.errors import LostFile
from storage.ledger.ledger import Ledger
from storage.ledger.values import StoredFile
from telemetry_server.coordinator.replay import Replayer
from tests.support.data_root import World, a_ping, an_id, submitted
from tests.support.sizes import size

FEW = size(30, 500)  # of so few as in CI, none goes through a conversion process


async def converted(path, count: int) -> World:
    """Return a data root with *count* pings of an unknown revision, and one that cannot be fixed."""
    world = World(path)
    world.receive(
        [*(submitted(a_ping(number), number) for number in range(count)), submitted(b"{broken", 999)]
    )
    summary = await world.convert()
    assert dict(summary.quarantined) == {"unknown_revision": count, "invalid_json": 1}
    return world


@pytest.fixture
async def world(tmp_path):
    return await converted(tmp_path, FEW)


async def test_pings_of_an_unknown_revision_are_stored_once_it_is_known(tmp_path):
    """500 pings move from quarantine to records, and a second replay changes nothing."""
    world = await converted(tmp_path, 500)
    world.put_specs()

    replayed = await world.replay()

    assert (replayed.examined, replayed.stored, replayed.unchanged) == (501, 500, 1)
    assert sorted(document_id for document_id, _ in world.lines()) == sorted(an_id(n) for n in range(500))
    assert [line["reason"] for _, line in world.lines("quarantine") if "histogram" not in line] == [
        "invalid_json"
    ]
    audit = world.audit()
    assert audit.findings == []
    assert (audit.total.received, audit.total.stored, audit.total.quarantined) == (501, 500, 1)

    again = await world.replay()

    assert (again.examined, again.stored, again.unchanged) == (1, 0, 1)
    assert world.audit().balanced


async def test_a_dry_run_counts_and_changes_nothing(world):
    world.put_specs()

    replayed = await world.replay("unknown_revision", dry_run=True)

    assert (replayed.examined, replayed.stored) == (FEW, FEW)
    assert world.lines() == []
    assert world.audit().total.quarantined == FEW + 1


async def test_a_replayed_ping_whose_id_was_stored_meanwhile_is_a_duplicate(world):
    """A ping is stored once, even if one copy of it was quarantined."""
    world.put_specs()
    world.receive([submitted(a_ping(7), 7)])
    await world.convert()

    replayed = await world.replay()

    assert (replayed.stored, replayed.duplicate) == (FEW - 1, 1)
    assert world.audit().balanced


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_missing_file_of_quarantine_is_named(world, dry_run):
    """The error of the other commands; nothing was changed."""
    (path,) = (each for each in world.root.quarantine.rglob("*.zst") if "invalid_json" in each.parts)
    path.unlink()
    world.put_specs()

    with pytest.raises(LostFile, match=f"{path.name}: committed bytes are missing"):
        await world.replay(dry_run=dry_run)

    assert world.lines() == []


async def test_a_file_that_is_merged_before_a_replay_begins_is_replayed(world, monkeypatch):
    """Its definitions are looked for without the lock, so the list of files may be old there."""
    (file,) = (file for file in world_files(world) if "unknown_revision" in file.path)
    gone = replace(file, name="part-gone.zst")
    of_now = Replayer._files
    old_lists = [[gone]]
    monkeypatch.setattr(Replayer, "_files", lambda *words: old_lists.pop() if old_lists else of_now(*words))
    world.put_specs()

    replayed = await world.replay()

    assert replayed.stored == FEW


def world_files(world: World) -> list[StoredFile]:
    with Ledger.for_reading(world.root) as ledger:
        return ledger.files("quarantine")


async def test_nothing_changes_without_a_fix(world):
    """Submissions with the same reason stay in place."""
    before = sorted(world.root.quarantine.rglob("*.zst"))

    replayed = await world.replay()

    assert replayed.unchanged == FEW + 1
    assert sorted(world.root.quarantine.rglob("*.zst")) == before


async def test_a_ping_with_a_new_reason_moves_to_its_folder(world):
    spec = {"ONLY_OTHERS": {"kind": "flag", "description": "", "expires_in_version": "never"}}
    world.put_specs(spec=spec)

    replayed = await world.replay()

    assert replayed.stored == FEW
    assert world.audit().balanced
