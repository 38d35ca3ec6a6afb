"""From raw/ to records: each submission has one outcome, and the counts balance."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from telemetry_server.coordinator import batch_planner
from telemetry_server.coordinator import converter as converter_module
from tests.support.data_root import REVISION, World, a_ping, an_id, submitted


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.put_specs()
    return world


async def test_a_ping_becomes_a_record_without_its_unknown_histogram(world):
    """The dropped histogram is in quarantine with its reason."""
    world.receive([submitted(a_ping(1), 1)])

    tally = await world.convert()

    ((document_id, record),) = world.lines()
    ((_, dropped),) = world.lines("quarantine")
    assert document_id == an_id(1)
    assert record["histograms"]["LOAD_MS"] == [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 5, -1, -1, -1, -1]
    assert set(record["histograms"]) == {"PLAIN_FLAG", "LOAD_MS"}
    assert record["metadata"]["dropped_histograms"] == {"unknown_histogram": 1}
    assert (dropped["reason"], dropped["histogram"]) == ("unknown_histogram", "NOT_THERE")
    assert (tally.stored, tally.histograms_kept) == (1, 2)
    assert world.audit().balanced


async def test_converted_submissions_are_not_converted_again(world):
    """Positions are in the same commit as records."""
    world.receive([submitted(a_ping(1), 1)])
    await world.convert()

    assert (await world.convert()).received == 0
    assert len(world.lines()) == 1


async def test_duplicates_are_counted_and_conflicts_are_quarantined(world):
    """The first record stays; different bytes under its id are a conflict."""
    world.receive([submitted(a_ping(1), 1), submitted(a_ping(1), 1)])
    await world.convert()
    world.receive(
        [
            submitted(a_ping(1), 1),
            submitted(a_ping(1, other=True), 1),
            submitted(a_ping(1), 1, path=f"/submit/telemetry/{an_id(1).upper()}"),
        ]
    )

    tally = await world.convert()

    total = world.audit().total
    assert (tally.duplicate, tally.conflict) == (3, 1)
    assert (total.received, total.stored, total.duplicate, total.conflict) == (5, 1, 4, 1)
    ((_, conflict),) = world.lines("quarantine", reason="conflict")
    assert conflict["document_id"] == an_id(1)
    assert world.audit().findings == []


@pytest.mark.parametrize("body", [b"{broken", b"[1]", b""])
async def test_a_broken_body_under_a_stored_id_is_a_conflict(world, body):
    """In the generic path form, the path alone identifies the ping."""
    path = f"/submit/garden/watering/1/{an_id(1)}"
    world.receive([submitted(b'{"litres":3}', 1, path=path)])
    await world.convert()
    world.receive([submitted(body, 1, path=path)])

    tally = await world.convert()

    assert (tally.duplicate, tally.conflict, sum(tally.quarantined.values())) == (1, 1, 0)
    ((_, conflict),) = world.lines("quarantine")
    assert conflict["reason"] == "conflict"
    assert world.audit().findings == []


async def test_a_pending_ping_is_converted_at_once_when_offline(tmp_path):
    """With revision_offline no ping waits, even if it did before."""
    world = World(tmp_path, server="http://127.0.0.1:9")
    world.receive([submitted(a_ping(1), 1)])
    assert (await world.convert()).pending == 1
    offline = World(tmp_path)

    tally = await offline.convert()

    assert (dict(tally.quarantined), tally.pending) == ({"unknown_revision": 1}, 0)
    assert offline.audit().balanced


async def test_the_same_json_compressed_differently_is_not_a_conflict(world):
    """gzip headers have a time: only the decompressed text is compared."""
    import gzip

    import orjson

    world.receive([submitted(a_ping(1), 1), submitted(gzip.compress(orjson.dumps(a_ping(1)), 9, mtime=7), 1)])

    tally = await world.convert()

    assert (tally.duplicate, tally.conflict) == (1, 0)


async def test_the_id_of_a_quarantined_ping_can_be_used_again(world):
    """Only ids of stored pings are remembered."""
    world.receive([submitted(b"{broken", 1), submitted(a_ping(1), 1)])

    tally = await world.convert()

    assert (tally.stored, dict(tally.quarantined), tally.duplicate) == (1, {"invalid_json": 1}, 0)
    assert world.audit().balanced


async def test_the_same_id_of_another_doctype_is_another_ping(world):
    """A session sends an idle-daily and a saved-session under one id."""
    daily = a_ping(1)
    daily["info"]["reason"] = "idle-daily"
    world.receive([submitted(a_ping(1), 1), submitted(daily, 1)])

    assert (await world.convert()).stored == 2


async def test_results_are_the_same_in_one_process_and_in_several(tmp_path):
    results = []
    for processes, name in ((1, "one"), (2, "two")):
        (tmp_path / name).mkdir()
        world = World(tmp_path / name)
        world.put_specs()
        world.receive(submitted(a_ping(number % 180), number % 180) for number in range(200))
        tally = await world.convert(processes=processes)
        assert (tally.stored, tally.duplicate) == (180, 20)
        assert world.audit().balanced
        results.append(sorted(str(line) for line in world.lines()))

    assert results[0] == results[1]


async def test_two_converters_on_one_root_do_not_collide(world):
    """Each takes turns, and starts from the last commit."""
    world.receive(submitted(a_ping(number), number) for number in range(60))
    async with AsyncExitStack() as stack:
        first, second = await world.opened(stack), await world.opened(stack)
        await asyncio.gather(first.convert_all(), second.convert_all())
        world.receive(submitted(a_ping(number), number) for number in range(50, 90))
        await asyncio.gather(first.convert_all(), second.convert_all())

    assert first.summary.received + second.summary.received == 100
    assert sorted(document_id for document_id, _ in world.lines()) == sorted(an_id(n) for n in range(90))
    assert world.audit().balanced


async def test_a_segment_that_is_still_written_is_followed(world):
    """A ping is converted while its segment is open, and later pings in later runs."""
    from storage.raw.segment_file import SegmentSeries

    with SegmentSeries(world.root.raw, worker=0) as series:
        for number in range(3):
            submission = submitted(a_ping(number), number)
            series.append([submission], day=submission.received_at.date())
            assert (await world.convert()).stored == 1
        assert world.audit().balanced

    assert (await world.convert()).received == 0
    assert world.audit().total.stored == 3


async def test_a_flipped_bit_in_raw_is_counted_as_damage(world):
    """Only intact records count as received."""
    world.receive(submitted(a_ping(number), number) for number in range(3))
    (segment,) = world.root.raw.glob("*/*.tlg")
    data = bytearray(segment.read_bytes())
    place = data.index(an_id(1).encode()) + 200
    data[place] ^= 1
    segment.write_bytes(data)

    tally = await world.convert()

    assert (tally.received, tally.stored, tally.damaged_records) == (2, 2, 1)
    audited = world.audit()
    assert audited.balanced
    assert (audited.damaged_records, audited.damaged_bytes > 0) == (1, True)


async def test_partitions_beyond_the_limit_of_a_day_share_one(world, monkeypatch):
    """Values sent by clients cannot fill the disk with folders."""
    monkeypatch.setattr("telemetry_server.coordinator.partition_limit.MAX_PARTITIONS_PER_DAY", 3)
    pings = []
    for number in range(8):
        ping = a_ping(number)
        ping["info"]["appVersion"] = f"{number}.0"
        pings.append(submitted(ping, number))
    world.receive(pings)

    await world.convert()

    versions = {path.parts[-3] for path in world.root.converted.rglob("*.zst")}
    assert versions == {"0.0", "1.0", "2.0", "OTHER"}
    assert len(world.lines()) == 8
    assert world.audit().balanced


@pytest.mark.parametrize("revision", [None, REVISION])
async def test_without_definitions_and_server_pings_are_quarantined(tmp_path, revision):
    """missing_revision if the ping has none, unknown_revision if its revision is unknown."""
    world = World(tmp_path)
    world.receive([submitted(a_ping(1, revision=revision), 1)])

    tally = await world.convert()

    reason = "missing_revision" if revision is None else "unknown_revision"
    assert dict(tally.quarantined) == {reason: 1}


async def test_a_new_segment_of_a_converted_day_is_read_without_the_others(tmp_path):
    """An open converter remembers finished segments, and lists changed folders again."""
    world = World(tmp_path)
    world.put_specs()
    async with AsyncExitStack() as stack:
        converter = await world.opened(stack)
        for number in range(4):
            world.receive([submitted(a_ping(number), number), submitted(b"{", 100 + number)])
            await converter.convert_waiting()

            assert converter.summary.received == 2 * (number + 1)
        assert converter.summary.stored == 4
        assert converter._waiting.segments() != []  # the last is dropped when the next round begins
        await converter.convert_waiting()
        assert converter._waiting.segments() == []

    assert world.audit().findings == []
    assert world.audit().total.quarantined == 4


async def test_a_second_converter_continues_where_the_first_one_stopped(tmp_path):
    """Positions are read from the ledger, so nothing is read twice."""
    world = World(tmp_path)
    world.put_specs()
    async with AsyncExitStack() as stack:
        first = await world.opened(stack)
        second = await world.opened(stack)
        for number in range(4):
            world.receive([submitted(a_ping(number), number)])
            await (first if number % 2 else second).convert_waiting()
        await first.convert_waiting()
        await second.convert_waiting()

        assert (first.summary.received, second.summary.received) == (2, 2)
    assert world.audit().total.stored == 4
    assert world.audit().findings == []


async def test_a_turn_converts_nothing_that_it_does_not_commit(tmp_path, monkeypatch):
    """After some rounds another process may commit; what is converted ahead by then would be lost work."""
    monkeypatch.setattr(converter_module, "ROUNDS_PER_TURN", 2)
    monkeypatch.setattr(batch_planner, "ROUND_ITEMS", 3)
    world = World(tmp_path)
    world.put_specs()
    world.receive([submitted(a_ping(number), number) for number in range(20)])
    converted = []
    async with AsyncExitStack() as stack:
        converter = await world.opened(stack)
        convert = converter.pool.convert

        async def counting(tasks):
            converted.extend(item for task in tasks for item in task.items)
            return await convert(tasks)

        monkeypatch.setattr(converter.pool, "convert", counting)
        await converter.convert_all()

        assert converter.summary.stored == len(converted) == 20
    assert world.audit().findings == []


async def test_few_rows_become_a_file_only_beside_the_last_round(tmp_path, monkeypatch):
    """A turn ends too, and larger files are cheaper."""
    monkeypatch.setattr(converter_module, "ROUNDS_PER_TURN", 2)
    monkeypatch.setattr(batch_planner, "ROUND_ITEMS", 3)
    world = World(tmp_path)
    world.put_specs()
    world.receive([submitted(a_ping(number), number) for number in range(8)])
    stored = []
    async with AsyncExitStack() as stack:
        converter = await world.opened(stack)

        async def advance(part=1):
            if part < 1:
                stored.append(converter.summary.stored)

        monkeypatch.setattr(converter, "advance_tables", advance)
        await converter.convert_all()

        assert converter.summary.stored == 8
    assert stored == [6]


async def test_a_disk_that_refuses_rows_ends_the_conversion_under_way(tmp_path, monkeypatch):
    """Its result would be of no use."""
    world = World(tmp_path)
    world.put_specs()
    world.receive([submitted(a_ping(1), 1)])
    ended = []
    async with AsyncExitStack() as stack:
        converter = await world.opened(stack)

        async def convert(tasks):
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(tasks)

        async def advance(part=1):
            await asyncio.sleep(0)
            raise OSError("no space")

        monkeypatch.setattr(converter.pool, "convert", convert)
        monkeypatch.setattr(converter, "advance_tables", advance)
        with pytest.raises(OSError, match="no space"):
            await converter.convert_all()
        await asyncio.sleep(0)

        assert [len(tasks) for tasks in ended if tasks] == [1]
