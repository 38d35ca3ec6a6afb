"""What was refused goes through again after a fix."""

import pytest

from tests.support.data_root import World, a_ping, an_id, submitted


@pytest.fixture
async def world(tmp_path):
    """500 pings of an unknown revision, and one that no fix will mend."""
    world = World(tmp_path)
    world.receive([*(submitted(a_ping(number), number) for number in range(500)), submitted(b"{broken", 999)])
    tally = await world.convert()
    assert dict(tally.quarantined) == {"unknown_revision": 500, "invalid_json": 1}
    return world


async def test_pings_of_an_unknown_revision_are_stored_once_it_is_known(world):
    """500 leave quarantine, the books follow, a second replay does nothing."""
    world.put_specs()

    replayed = await world.replay()

    assert (replayed.examined, replayed.stored, replayed.unchanged) == (501, 500, 1)
    assert sorted(document_id for document_id, _ in world.lines()) == sorted(an_id(n) for n in range(500))
    assert [line["reason"] for _, line in world.lines("quarantine") if "histogram" not in line] == [
        "invalid_json"
    ]
    books = world.audit()
    assert books.findings == []
    assert (books.total.received, books.total.stored, books.total.quarantined) == (501, 500, 1)

    again = await world.replay()

    assert (again.examined, again.stored, again.unchanged) == (1, 0, 1)
    assert world.audit().balanced


async def test_a_dry_run_says_so_and_changes_nothing(world):
    """An operator can look first."""
    world.put_specs()

    replayed = await world.replay("unknown_revision", dry_run=True)

    assert (replayed.examined, replayed.stored) == (500, 500)
    assert world.lines() == []
    assert world.audit().total.quarantined == 501


async def test_a_replayed_ping_whose_id_was_stored_meanwhile_is_a_duplicate(world):
    """Exactly once holds across quarantine too."""
    world.put_specs()
    world.receive([submitted(a_ping(7), 7)])
    await world.convert()

    replayed = await world.replay()

    assert (replayed.stored, replayed.duplicate) == (499, 1)
    assert world.audit().balanced


async def test_nothing_changes_without_a_fix(world):
    """What is refused for the same reason stays as it is."""
    before = sorted(world.root.quarantine.rglob("*.zst"))

    replayed = await world.replay()

    assert replayed.unchanged == 501
    assert sorted(world.root.quarantine.rglob("*.zst")) == before


async def test_a_dropped_reason_of_another_kind_moves(world):
    """A ping that is refused for another reason now stands under that one."""
    spec = {"ONLY_OTHERS": {"kind": "flag", "description": "", "expires_in_version": "never"}}
    world.put_specs(spec=spec)

    replayed = await world.replay()

    assert replayed.stored == 500
    assert world.audit().balanced
