"""A deletion reads and writes only the files of its client: it succeeds while other files are away."""

import shutil
from pathlib import Path

from storage.disk import Disk
from telemetry_server.aggregates.update import Updater
from tests.privacy.test_forget import ALICE, BOB, forgetter
from tests.support.data_root import World, a_ping, an_id, submitted
from tests.support.independent_scan import hits

STORES = ("raw", "converted", "quarantine", "tables")
BATCHES, HERS = 5, 2


def files_of(world: World) -> dict[Path, int]:
    """Return the files of all stores, with their sizes."""
    files = (path for store in STORES for path in (world.root.path / store).rglob("*") if path.is_file())
    return {path: path.stat().st_size for path in files}


def batch(number: int) -> list:
    """Return submissions of one version; in batch `HERS` one ping and one refused body are Alice's."""
    ids = range(number * 10, number * 10 + 4)
    found = []
    for each in ids:
        ping = a_ping(each, clientID=ALICE if number == HERS and each % 10 == 1 else BOB)
        ping["info"]["appVersion"] = f"{30 + number}.0"
        found.append(submitted(ping, each))
    refused = {HERS: f"{{ no json {ALICE}".encode(), 4: b'{"ver": 99}'}
    return [*found, submitted(refused[number], number * 10 + 5)] if number in refused else found


async def test_files_without_the_client_are_neither_read_nor_written(tmp_path):
    """
    In each store, they are moved away before the deletion, and have the same bytes afterwards.

    The sums are computed again from the files of the client.  Files in ``tables/pings`` are not moved,
    because the pings are looked up in their footers.
    """
    world = World(tmp_path / "data")
    world.put_specs()
    hers: set[Path] = set()
    for number in range(BATCHES):
        before = files_of(world)
        world.receive(batch(number))
        await world.convert()
        if number == HERS:
            hers = {path for path, size in files_of(world).items() if before.get(path) != size}
    Updater(world.root, Disk()).update()
    forgetter(world).update_index()
    others = files_of(world).keys() - hers
    assert {path.relative_to(world.root.path).parts[0] for path in others} == set(STORES)
    contents = {path: path.read_bytes() for path in others}
    moved = [path for path in others if "tables/pings" not in path.as_posix()]
    for path in moved:
        away = tmp_path / "away" / path.relative_to(world.root.path)
        away.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, away)

    report = forgetter(world).forget([ALICE], [])

    assert report.left == []
    assert report.places()["converted"] == 1
    for path in moved:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(tmp_path / "away" / path.relative_to(world.root.path), path)
    assert {path: path.read_bytes() for path in others} == contents
    assert hits(world.root.path, [ALICE, an_id(HERS * 10 + 1), an_id(HERS * 10 + 5)]) == {}
    audited = world.audit()
    assert audited.findings == []
    assert audited.total.deleted == 2
    assert world.check_tables() == []
