"""A process may die between creating a folder and syncing its name; later commits must sync the folder."""

from pathlib import Path

from tests.support.data_root import DAY, World, a_ping, submitted
from tests.support.faulty_disk import ForgetfulDisk


async def test_an_unsynced_folder_is_synced_before_files_in_it_are_committed(tmp_path: Path) -> None:
    """Committed files are in folders whose names survive a power cut, whichever process created them."""
    world = World(tmp_path / "data")
    world.put_specs()
    world.receive([submitted(a_ping(1), 1)])
    (world.root.converted / DAY / "saved_session/Firefox/nightly").mkdir(parents=True)
    (world.root.quarantine / DAY).mkdir()
    disk = ForgetfulDisk(world.root.path)

    await world.convert(disk=disk)

    disk.survivors(tmp_path / "after")
    files = {path.relative_to(world.root.path) for path in world.root.path.rglob("part-*.zst")}
    assert len(files) == 2
    assert {path.relative_to(tmp_path / "after") for path in tmp_path.glob("after/**/part-*.zst")} == files
