"""Everything of a client goes from every place, and nothing else does."""

import gzip
import json
from pathlib import Path

import pytest

from storage.aggregates.day_table import read_day_table
from storage.disk import Disk
from telemetry_server.aggregates.update import Updater
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.privacy.forget import Forgetter
from tests.support.data_root import DAY, World, a_ping, an_id, submitted
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


def pings_in_aggregates(world: World) -> int:
    table = read_day_table(world.root, DAY)
    assert table is not None
    return table.pings


async def test_nothing_of_a_client_is_left_and_all_else_is_as_if_it_had_never_been_there(tmp_path, command):
    """The scan is independent of the product: zstd, gzip, SQLite and Parquet are opened."""
    world = await world_of(tmp_path / "with", with_alice=True)
    other = await world_of(tmp_path / "without", with_alice=False)
    ids = [ALICE, *documents()]
    for each in (world, other):
        Updater(each.root, Disk()).update()
    assert f"state/aggregates/{DAY}/pings-part-" in str(sorted(hits(world.root.path, ids)))
    assert {path.split("/")[0] for path in hits(world.root.path, ids)} == {
        "raw",
        "converted",
        "quarantine",
        "tables",
        "state",
    }
    assert world.audit().findings == []

    preview = forgetter(world).preview([ALICE], [], orders=False)

    report = forgetter(world).forget([ALICE], [])

    assert report.left == []
    assert preview.places() == report.places()
    assert preview.removed == report.removed
    assert report.places() == {
        "raw": 8,
        "converted": 3,
        "quarantine": 7,
        "tables": 9,
        "aggregates": 1,
        "ledger": 1,
        "fuel": 0,
        "stray": 0,
    }
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
    assert pings_in_aggregates(world) == pings_in_aggregates(other) == 4
    command("aggregate", "--check", "--data", str(world.root.path))
    assert forgetter(world).scan().hits == {}


async def test_what_comes_again_or_later_is_deleted_and_explained_so(tmp_path, command):
    """Also a late repeat of a deleted document; its bytes go with the next deletion."""
    world = await world_of(tmp_path, with_alice=True)
    forgetter(world).forget([ALICE], [])

    world.receive([submitted(a_ping(4), 4), submitted(a_ping(50, clientID=ALICE), 50)])
    summary = await world.convert()

    assert (summary.received, summary.deleted, summary.stored) == (2, 2, 0)
    audited = world.audit()
    assert audited.findings == []
    assert (audited.total.received, audited.total.deleted) == (17, 10)
    out, _ = command("explain", an_id(4), "--data", str(tmp_path), "--json")
    assert json.loads(out)["outcome"] == "deleted"
    out, _ = command("explain", an_id(50), "--data", str(tmp_path), "--json")
    assert json.loads(out)["outcome"] == "deleted"
    assert an_id(4) not in json.dumps(world.lines())

    forgetter(world).carry_out()

    assert hits(world.root.path, [ALICE, *documents(), an_id(50)]) == {}
    assert world.audit().findings == []


async def test_one_document_goes_with_its_repeats_and_its_dropped_histograms(tmp_path, command):
    world = await world_of(tmp_path, with_alice=True)

    out, _ = command("forget", "--document", an_id(4).upper(), "--data", str(tmp_path), "--json")

    report = json.loads(out)
    assert report["removed"]["stored"] == 1
    assert report["removed"]["conflict"] == 1
    assert report["scan"]["hits"] == {}
    assert hits(tmp_path, [an_id(4)]) == {}
    assert {document_id for document_id, _ in world.lines()} == {an_id(n) for n in (0, 1, 2, 3, 5, 8)}
    assert world.audit().findings == []
    assert world.check_tables() == []


async def test_a_ping_that_mentions_a_deleted_document_stays_and_the_command_says_so(tmp_path, command):
    """It also says how to delete that ping."""
    world = World(tmp_path)
    world.put_specs()
    world.receive([submitted(a_ping(1), 1), submitted(a_ping(2, note=an_id(1)), 2)])
    await world.convert()
    out, said = command("forget", "--document", an_id(1), "--data", str(tmp_path), status=ExitStatus.FINDINGS)

    assert [document_id for document_id, _ in world.lines()] == [an_id(2)]
    assert "files with hits" in out
    assert ": 1 id\n" in said
    assert "other pings mention them" in said
    again = f"run: telemetry-server forget --data {tmp_path} --client ID\n"
    assert said.endswith(f"to delete every ping that mentions it, {again}")

    out, said = command("forget", "--document", an_id(3), "--data", str(tmp_path), "--json")

    assert json.loads(out)["scan"]["hits"] == {}
    assert json.loads(out)["scan"]["earlier_hits"]
    assert "with ids of documents that earlier runs deleted, such as converted/" in said
    assert "other pings mention them" not in said

    _, said = command("forget", "--client", an_id(1), "--data", str(tmp_path))

    assert "earlier runs" not in said
    assert world.lines() == []
    assert hits(tmp_path, [an_id(1)]) == {}


async def test_a_client_of_an_earlier_run_that_is_there_again_ends_each_run_with_1(tmp_path, command):
    """For example, a restored file still holds the client."""
    world = World(tmp_path)
    world.put_specs()
    command("forget", "--client", ALICE, "--data", str(tmp_path))
    (world.root.converted / "notes.txt").write_text(ALICE)

    for words in (("--document", an_id(3)), ("--orders",)):
        out, _ = command("forget", *words, "--data", str(tmp_path), "--json", status=ExitStatus.FINDINGS)

        assert json.loads(out)["scan"]["hits"] == {"converted/notes.txt": 1}
        assert json.loads(out)["scan"]["earlier_hits"] == {}


async def test_what_is_not_read_yet_or_waits_for_definitions_goes_too(tmp_path):
    """A submission that was removed before conversion counts as received and deleted when it is read."""
    server = "http://127.0.0.1:9"  # nothing answers there
    world = World(tmp_path, server=server)
    world.receive([submitted(a_ping(1, clientID=ALICE), 1), submitted(a_ping(2, clientID=BOB), 2)])
    assert (await world.convert()).pending == 2
    world.receive([submitted(a_ping(3, clientID=ALICE), 3), submitted(a_ping(4, clientID=BOB), 4)])

    forgetter(world).forget([ALICE], [])

    assert hits(tmp_path, [ALICE, an_id(1), an_id(3)]) == {}
    assert world.audit().findings == []
    world.put_specs()
    await world.convert()
    total = world.audit().total
    assert (total.received, total.stored, total.deleted) == (4, 2, 2)
    assert world.audit().findings == []


async def test_an_order_is_a_record_without_ids(tmp_path):
    world = await world_of(tmp_path, with_alice=True)
    forgetter(world).forget([ALICE], [])

    (path,) = (tmp_path / "state/orders").glob("*.json")
    record = json.loads(path.read_bytes())

    assert record["namespace"] == "*"
    assert (len(record["clients"]), len(record["documents"])) == (1, 5)
    assert record["removed"]["stored"] == 3
    assert record["received_at"] <= record["finished_at"]


async def test_a_rebuilt_ledger_and_a_restored_backup_still_know_what_was_deleted(tmp_path, command):
    world = await world_of(tmp_path / "data", with_alice=True)
    forgetter(world).forget([ALICE], [])
    command("backup", str(tmp_path / "copy.tar"), "--data", str(world.root.path))
    command("restore", str(tmp_path / "copy.tar"), "--data", str(tmp_path / "restored"))
    command("repair", "--rebuild", "--data", str(world.root.path))

    for root in (world.root.path, tmp_path / "restored"):
        again = World(root)
        again.receive([submitted(a_ping(4), 4), submitted(a_ping(70, clientID=ALICE), 70)])
        await again.convert()
        assert {document_id for document_id, _ in again.lines()} == {an_id(n) for n in (1, 2, 3, 5)}
        assert again.audit().findings == []
        assert again.audit().total.deleted == 10


def test_ids_that_many_clients_send_are_refused(tmp_path, command):
    (tmp_path / "state").mkdir()
    canary = "c0ffeec0-ffee-c0ff-eec0-ffeec0ffeec0"
    _, said = command("forget", "--client", canary, "--data", str(tmp_path), status=2)
    assert "sent by many clients" in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("document nonsense\n", "line 1"),
        ("a b c\n", "line 1"),
        ("\n", "no ids"),
    ],
)
def test_a_file_of_orders_with_a_fault_is_one_line_and_changes_nothing(tmp_path, command, text, message):
    (tmp_path / "state").mkdir()
    (tmp_path / "orders.txt").write_text(text)
    _, said = command("forget", "--file", str(tmp_path / "orders.txt"), "--data", str(tmp_path), status=4)
    assert message in said
    assert said.count("\n") == 1


async def test_a_dry_run_shows_what_would_go_and_changes_nothing(tmp_path, command):
    world = await world_of(tmp_path, with_alice=True)
    (tmp_path / "orders.txt").write_text(f"{ALICE}\ndocument {an_id(1)}\n")

    out, _ = command(
        "forget", "--file", str(tmp_path / "orders.txt"), "--dry-run", "--data", str(tmp_path), "--json"
    )

    report = json.loads(out)
    assert report["removed"]["stored"] == 4
    assert report["removed"]["rows of pings"] == 4
    assert len(world.lines()) == 7
    assert world.audit().total.deleted == 0


async def test_forget_says_that_an_id_that_is_not_a_uuid_is_looked_for_in_fuel_only(tmp_path, command):
    """It may be the identifier of an installation, or a mistake."""
    world = await world_of(tmp_path / "data", with_alice=True)
    _, said = command("forget", "--client", "alice", "--dry-run", "--data", str(world.root.path))

    assert "forget: alice is not a UUID: it is looked for in the databases of Fuel only" in said
