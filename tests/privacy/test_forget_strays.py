"""Deletion reaches files that `repair` moved aside."""

import shutil

from tests.privacy.test_forget import ALICE, BOB, documents, forgetter, world_of
from tests.support.independent_scan import hits


async def test_files_that_repair_moved_aside_are_cleaned_as_well(tmp_path, command):
    """A copy of everything, as after a repair: the other client's lines stay there."""
    world = await world_of(tmp_path / "data", with_alice=True)
    aside = world.root.stray / "20261128T120000Z"
    aside.mkdir(parents=True)
    for name in ("raw", "converted", "quarantine", "tables"):
        shutil.copytree(world.root.path / name, aside / name)
    shutil.copytree(world.root.state, aside / "state", ignore=shutil.ignore_patterns("stray"))

    forgetter(world).forget([ALICE], [])

    assert hits(world.root.path, [ALICE, *documents()]) == {}
    left = hits(aside, [BOB])
    assert {path.split("/")[0] for path in left} >= {"raw", "converted", "quarantine"}
    assert forgetter(world).scan().hits == {}
