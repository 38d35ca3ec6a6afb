"""Ids of a client in damaged bytes are removed as well, and the books still balance."""

import asyncio
import gzip
from collections.abc import Callable
from pathlib import Path
from random import Random

import orjson
import pytest

from storage.raw.framing import HEAD_BYTES
from storage.raw.reader import Span, scan_segment, segments
from tests.privacy.test_forget import ALICE, BOB, forgetter
from tests.support.data_root import World, a_ping, an_id, submitted
from tests.support.independent_scan import hits

Damage = Callable[[bytearray, Span], None]


def break_head(whole: bytearray, span: Span) -> None:
    whole[span.offset + 20] ^= 1


def break_end(whole: bytearray, span: Span) -> None:
    """The checksum of the record disagrees; most of the body can be inflated."""
    whole[span.offset + span.length_bytes - 100] ^= 1


def break_header(whole: bytearray, span: Span) -> None:
    """The path cannot be read as JSON, the body can be inflated."""
    whole[span.offset + HEAD_BYTES] ^= 1


def tear(whole: bytearray, span: Span) -> None:
    del whole[span.offset + span.length_bytes - 100 :]


def damaged(path: Path, damage: Damage, number: int) -> None:
    whole = bytearray(path.read_bytes())
    damage(whole, scan_segment(path, 0, max_bytes=1 << 40, max_records=1 << 20).spans[number])
    path.write_bytes(whole)


def of_alice(number: int, *, is_plain: bool = False):
    """Return a ping whose id is well before its end, also when it is compressed."""
    ping = orjson.dumps({"clientID": ALICE, **a_ping(number), "text": Random(number).randbytes(400).hex()})
    return submitted(ping if is_plain else gzip.compress(ping, 1, mtime=0), number)


def world_with(path: Path, *, is_plain: bool) -> World:
    world = World(path)
    world.put_specs()
    pings = [submitted(a_ping(number, clientID=BOB), number) for number in (1, 2, 3)]
    world.receive([pings[0], of_alice(4, is_plain=is_plain), pings[1], pings[2], of_alice(5)])
    return world


NOT_READ, CONVERTED, INDEXED = "not read yet", "converted", "converted and indexed"


@pytest.mark.parametrize(
    ("damage", "number", "is_plain", "when"),
    [
        (break_head, 1, False, NOT_READ),
        (break_head, 1, True, CONVERTED),
        (break_head, 4, False, INDEXED),
        (break_end, 1, False, NOT_READ),
        (break_end, 1, False, INDEXED),
        (break_header, 1, False, CONVERTED),
        (tear, 4, False, NOT_READ),
        (tear, 4, False, CONVERTED),
    ],
)
async def test_damaged_bytes_of_a_client_are_removed(tmp_path, damage, number, is_plain, when):
    """Before and after conversion of the damaged segment; the other client's pings stay."""
    world = world_with(tmp_path, is_plain=is_plain)
    (segment,) = segments(world.root.raw)
    damaged(segment.path, damage, number)
    if when != NOT_READ:
        await world.convert()
    if when == INDEXED:
        forgetter(world).update_index()
    assert f"raw/{segment.name}" in hits(tmp_path, [ALICE])
    before = world.audit()
    assert before.findings == []

    report = forgetter(world).forget([ALICE], [])

    assert report.left == []
    assert hits(tmp_path, [ALICE, an_id(4), an_id(5)]) == {}
    assert forgetter(world).scan().hits == {}
    assert world.audit().findings == []
    await world.convert()
    after = world.audit()
    assert after.findings == []
    assert {document_id for document_id, _ in world.lines()} == {an_id(1), an_id(2), an_id(3)}
    assert after.total.received == after.total.stored + after.total.deleted
    assert world.check_tables() == []


async def test_a_stored_ping_is_removed_with_its_raw_bytes_that_were_damaged_later(tmp_path):
    """The index has the ids of its segment from before the damage."""
    world = world_with(tmp_path, is_plain=False)
    await world.convert()
    forgetter(world).update_index()
    (segment,) = segments(world.root.raw)
    damaged(segment.path, break_end, 1)

    forgetter(world).forget([ALICE], [])

    assert hits(tmp_path, [ALICE, an_id(4), an_id(5)]) == {}
    assert forgetter(world).scan().hits == {}
    assert world.audit().findings == []
    assert world.audit().total.deleted == 2


async def test_a_body_with_a_wrong_checksum_is_found_in_quarantine(tmp_path):
    """A reader that ignores the checksum can still read its text."""
    world = World(tmp_path)
    ping = {"clientID": ALICE, **a_ping(1)}
    body = bytearray(gzip.compress(orjson.dumps(ping), 1, mtime=0))
    body[-6] ^= 1
    world.receive([submitted(bytes(body), 1), submitted(a_ping(2, clientID=BOB), 2)])
    await world.convert()
    assert world.audit().total.quarantined == 2

    forgetter(world).forget([ALICE], [])

    assert hits(tmp_path, [ALICE, an_id(1)]) == {}
    audited = world.audit()
    assert audited.findings == []
    assert (audited.total.quarantined, audited.total.deleted) == (1, 1)


def with_a_broken_end(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    whole[-2] ^= 255
    path.write_bytes(whole)


@pytest.mark.parametrize(
    ("store", "repair"),
    [("converted", ["repair", "--rebuild"]), ("tables/histograms", ["tables", "rebuild"])],
)
def test_all_other_files_are_cleaned_if_one_is_damaged(tmp_path, command, store, repair):
    """The order stays open, and continues after the repair."""
    world = world_with(tmp_path, is_plain=False)
    world.receive([submitted(f"{{ no json {ALICE}".encode(), 9)])
    asyncio.run(world.convert())
    (path,) = [each for each in (tmp_path / store).rglob("part-*") if "dropped" not in each.parts]
    with_a_broken_end(path)
    data = ["--data", str(tmp_path)]
    ids = [ALICE, an_id(4), an_id(5), an_id(9)]
    command("forget", "--client", ALICE, "--dry-run", *data)

    _, said = command("forget", "--client", ALICE, *data, status=5)

    assert f"left: {store}/" in said
    assert "run audit and repair, then forget again" in said
    for other in {"raw", "converted", "quarantine"} - {store}:
        assert hits(tmp_path / other, ids) == {}
    (order,) = (tmp_path / "state/orders").glob("*.json")
    assert orjson.loads(order.read_bytes())["finished_at"] is None
    command(*repair, *data)
    asyncio.run(world.convert())
    command("forget", "--orders", *data)
    assert hits(tmp_path, ids) == {}
    assert orjson.loads(order.read_bytes())["finished_at"] is not None
    assert world.audit().findings == []
    assert {document_id for document_id, _ in world.lines()} == {an_id(1), an_id(2), an_id(3)}
    assert world.check_tables() == []


@pytest.mark.parametrize("store", ["converted", "quarantine", "tables/pings"])
def test_a_missing_file_is_named_and_the_order_stays_open(tmp_path, command, store):
    """As of a damaged file; a dry run names it too."""
    world = world_with(tmp_path, is_plain=False)
    world.receive([submitted(f"{{ no json {ALICE}".encode(), 9)])
    asyncio.run(world.convert())
    reason = "invalid_json/" if store == "quarantine" else ""
    (path,) = (tmp_path / store).rglob(f"{reason}part-*")
    path.unlink()
    data = ["--data", str(tmp_path)]

    _, said = command("forget", "--client", ALICE, "--dry-run", *data)
    assert "dry run: nothing was changed" in said
    if store != "tables/pings":
        assert f"left: {path.relative_to(tmp_path)}: committed bytes are missing" in said

    _, said = command("forget", "--client", ALICE, *data, status=5)

    assert f"left: {path.relative_to(tmp_path)}: committed bytes are missing" in said
    assert "telemetry-server repair --dry-run, then forget again" in said
    (order,) = (tmp_path / "state/orders").glob("*.json")
    assert orjson.loads(order.read_bytes())["finished_at"] is None
    command(*(["tables", "rebuild"] if store == "tables/pings" else ["repair", "--rebuild"]), *data)
    asyncio.run(world.convert())
    command("forget", "--orders", *data)
    assert hits(tmp_path, [ALICE, an_id(4), an_id(5), an_id(9)]) == {}
    assert orjson.loads(order.read_bytes())["finished_at"] is not None
    assert world.audit().findings == []
