"""Everything of a client goes from every place, and nothing else does."""

import gzip
from pathlib import Path

from storage.disk import Disk
from telemetry_server.privacy.forget import Forgetter
from tests.support.data_root import World, a_ping, an_id, submitted
from tests.support.independent_scan import hits

ALICE, BOB = "aaaaaaaa-1111-4222-8333-444444444444", "bbbbbbbb-1111-4222-8333-444444444444"
# Of Alice: stored, repeated, in conflict, in quarantine with and without an id, and waiting.
HERS = [0, 4, 8, 100, 102, 300]


def pings_of_bob() -> list:
    return [submitted(a_ping(number, clientID=BOB), number) for number in (1, 2, 3, 5)] + [
        submitted(a_ping(1, clientID=BOB, other=1), 1),
        submitted(b"{ no json " + BOB.encode(), 101),
        submitted(a_ping(2, clientID=BOB), 2),
    ]


def pings_of_alice() -> list:
    return [submitted(a_ping(number, clientID=ALICE.upper()), number) for number in (0, 4, 8)] + [
        submitted(a_ping(0, clientID=ALICE.upper()), 0),
        submitted(a_ping(4, clientID=f"{{{ALICE}}}", other=1), 4),
        submitted(b"{ no json " + ALICE.replace("-", "").encode(), 100),
        submitted(a_ping(9, clientID=ALICE), 9, path="/submit/bad"),
        submitted(gzip.compress(f'{{"clientID": "{ALICE}"'.encode() + b" " * 2000)[:-9], 102),
    ]


async def world_of(path: Path, *, with_alice: bool) -> World:
    world = World(path)
    world.put_specs()
    world.receive([*pings_of_bob(), *(pings_of_alice() if with_alice else [])])
    await world.convert()
    return world


def forgetter(world: World) -> Forgetter:
    return Forgetter(world.root, Disk())


def documents() -> list[str]:
    return [an_id(number) for number in HERS]


async def test_nothing_of_a_client_is_left_and_everything_else_is_as_if_it_had_never_been_there(tmp_path):
    """The scan is independent of the product: zstd, gzip, SQLite and Parquet are opened."""
    world = await world_of(tmp_path / "with", with_alice=True)
    other = await world_of(tmp_path / "without", with_alice=False)
    ids = [ALICE, *documents()]
    assert {path.split("/")[0] for path in hits(world.root.path, ids)} == {
        "raw",
        "converted",
        "quarantine",
        "tables",
        "state",
    }
    assert world.audit().findings == []

    report = forgetter(world).forget([ALICE], [])

    assert report.left == []
    assert hits(world.root.path, ids) == {}
    audited, never = world.audit(), other.audit()
    assert audited.findings == []
    assert (audited.total.received, audited.total.deleted) == (15, 8)
    for name in ("stored", "duplicate", "conflict", "quarantined", "pending"):
        assert getattr(audited.total, name) == getattr(never.total, name), name
    assert sorted(world.lines()) == sorted(other.lines())
    for table in ("pings", "histograms", "scalars"):
        rows = [[{**row, "ping": 0} for row in each.table_rows(table)] for each in (world, other)]
        assert sorted(map(str, rows[0])) == sorted(map(str, rows[1]))
    assert world.check_tables() == []
    assert forgetter(world).scan().hits == {}
