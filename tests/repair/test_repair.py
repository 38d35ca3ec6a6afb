"""A ledger that is lost, old, foreign or of another version: nothing is destroyed, and repair mends it."""

import asyncio
import errno
import io
import json
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from histogram_specs.revision import Revision
from storage.disk import Disk
from storage.errors import (
    DamagedLedger,
    ForeignLedger,
    LostLedger,
    OlderLedger,
    OtherVersion,
    StorageError,
    StrayFile,
    UnfitLedger,
)
from storage.ledger.ledger import Ledger
from storage.ledger.opening import open_ledger, unfitness
from storage.partitions.compact import compact_day
from storage.partitions.frames import compress_frame, whole_frames
from storage.partitions.writer import remove_doubtful
from telemetry_server.coordinator.retention import RetentionTasks
from telemetry_server.repair.repair import Repaired, Repairer
from tests.support.data_root import DAY, NOON, World, a_ping, an_id, submitted
from tests.support.faulty_disk import FaultyDisk
from tests.support.sizes import size


def pings(first: int, count: int) -> list:
    return [submitted(a_ping(number), number) for number in range(first, first + count)]


def a_world(path: Path, count: int = 5) -> World:
    """Stored pings with a dropped histogram each, a broken one, a repeat and a conflict."""
    path.mkdir()
    world = World(path)
    world.put_specs()
    made = pings(0, count)
    world.receive([*made, submitted(b"{", 900), made[0], submitted(a_ping(1, other=1), 1)])
    asyncio.run(world.convert())
    return world


def sweep(world: World) -> None:
    """Remove every raw segment that is wholly converted."""
    # Retention goes by the newest arrival, which is of this day.
    for path in world.root.raw.glob("*/*.tlg"):
        os.utime(path, (NOON.timestamp(), NOON.timestamp()))

    async def run() -> None:
        async with AsyncExitStack() as stack:
            converter = await world.opened(stack)
            upkeep = RetentionTasks(
                converter, raw_retention_days=0, dedup_days=None, quarantine_retention_days=90
            )
            await upkeep.remove_expired()

    asyncio.run(run())
    assert not list(world.root.raw.glob("*/*.tlg"))


def held(world: World) -> dict[str, bytes]:
    """Every file of records and refusals, with its bytes, wherever repair may have put it."""
    found = {}
    for path in world.root.path.rglob("*.zst"):
        relative = path.relative_to(world.root.path)
        parts = relative.parts
        if parts[:2] == ("state", "stray"):
            relative = Path(*parts[3:])
        found[str(relative)] = path.read_bytes()
    return found


def repair(world: World) -> Repaired:
    return Repairer(world.root, Disk(), world.setup.schema_text).repair()


def lose_ledger(world: World, tmp_path: Path) -> None:
    """Remove it, log and all."""
    for path in world.root.state.glob("ledger.sqlite*"):
        path.unlink()


def lose_state(world: World, tmp_path: Path) -> None:
    """Remove all of state/."""
    shutil.rmtree(world.root.state)


def restore_older(world: World, tmp_path: Path) -> None:
    """Put a copy of state/ back that knows nothing of the last commits."""
    shutil.copytree(world.root.state, tmp_path / "backup")
    world.receive(pings(100, 3))
    asyncio.run(world.convert())
    shutil.rmtree(world.root.state)
    shutil.copytree(tmp_path / "backup", world.root.state)


def restore_older_than_a_merge(world: World, tmp_path: Path) -> None:
    """The same, and the files that the older ledger knows were merged since."""
    with Ledger(world.root.ledger) as ledger, ledger.transaction() as transaction:
        for file in ledger.files():
            transaction.put_file(replace(file, closed=True))
    shutil.copytree(world.root.state, tmp_path / "backup")
    world.receive(pings(100, 3))
    asyncio.run(world.convert())
    with open_ledger(world.root, Disk()) as ledger:
        assert list(compact_day(world.root.path, ledger, Disk(), DAY))
    shutil.rmtree(world.root.state)
    shutil.copytree(tmp_path / "backup", world.root.state)


def take_anothers(world: World, tmp_path: Path) -> None:
    """Put the state/ of another data root in its place."""
    other = a_world(tmp_path / "other", 7)
    shutil.rmtree(world.root.state)
    shutil.copytree(other.root.state, world.root.state)


def take_newer_version(world: World, tmp_path: Path) -> None:
    """As a server of a later version left it."""
    connection = sqlite3.connect(world.root.ledger)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


def damage(world: World, tmp_path: Path) -> None:
    """Something else than a ledger is in its place."""
    lose_ledger(world, tmp_path)
    world.root.ledger.write_bytes(b"no ledger" * 1000)


def empty(world: World, tmp_path: Path) -> None:
    """A file of no bytes is in its place."""
    lose_ledger(world, tmp_path)
    world.root.ledger.touch()


STATES: dict[str, tuple[Callable[[World, Path], None], type[UnfitLedger], str]] = {
    "lost": (lose_ledger, LostLedger, "the ledger is gone"),
    "state lost": (lose_state, LostLedger, "the ledger is gone"),
    "older": (restore_older, OlderLedger, "it is older than the files"),
    "older than a merge": (restore_older_than_a_merge, OlderLedger, "it is older than the files"),
    "foreign": (take_anothers, ForeignLedger, "of another data root"),
    "empty": (empty, LostLedger, "the ledger is gone"),
    "damaged": (damage, DamagedLedger, "the ledger is damaged"),
    "other version": (take_newer_version, OtherVersion, "another version"),
}


@pytest.fixture(params=list(STATES))
def state(request):
    return STATES[request.param]


@pytest.mark.parametrize("is_swept", [True, False], ids=["raw swept", "raw there"])
def test_an_unfit_ledger_halts_every_writer_and_changes_no_file(tmp_path, command, state, is_swept):
    """convert, replay and compact say in one line what to do; audit and doctor report it."""
    harm, error, words = state
    world = a_world(tmp_path / "data")
    if is_swept:
        sweep(world)
    harm(world, tmp_path)
    before = held(world)

    assert isinstance(unfitness(world.root), error)
    for name in ("convert", "replay", "compact"):
        _, talk = command(name, "--data", str(world.root.path), status=78)
        assert words in talk
        assert "repair --dry-run" in talk
        assert talk.count("\n") == 1
    out, talk = command("audit", "--data", str(world.root.path), status=1)
    assert words in talk
    out, _ = command("doctor", "--data", str(world.root.path), status=1)
    assert words in out
    assert held(world) == before


@pytest.mark.parametrize("is_swept", [True, False], ids=["raw swept", "raw there"])
def test_repair_brings_every_record_back_and_the_books_balance(tmp_path, state, is_swept):
    """Each id is stored once, what waits is converted afterwards, and no byte is gone."""
    world = a_world(tmp_path / "data")
    if is_swept:
        sweep(world)
    state[0](world, tmp_path)
    before = held(world)
    ids = Counter(an_id(number) for number in range(5))
    if "older" in state[0].__name__:
        ids.update(an_id(number) for number in range(100, 103))

    repair(world)

    after = held(world)
    assert before.items() <= after.items()
    audited = world.audit()
    assert audited.findings == []
    assert Counter(document_id for document_id, _ in world.lines()) == ids
    world.receive([*pings(0, 2), *pings(200, 2)])
    asyncio.run(world.convert())
    audited = world.audit()
    assert audited.findings == []
    assert audited.total.stored == len(ids) + 2
    assert audited.total.conflict == 1
    assert audited.total.quarantined == 1
    assert repair(world).is_well


def test_a_rebuilt_ledger_counts_what_the_lost_one_counted(tmp_path):
    """As long as raw/ is there: repeats are recognised again, and a conflict stays one."""
    world = a_world(tmp_path / "data")
    before = world.audit()
    lose_ledger(world, tmp_path)

    result = repair(world)
    asyncio.run(world.convert())

    assert result.rebuilt is not None
    assert world.audit().days == before.days
    assert world.audit().findings == []
    world.receive([submitted(a_ping(2, other=2), 2), submitted(a_ping(3), 3)])
    asyncio.run(world.convert())
    assert world.audit().total.conflict == 2
    assert world.audit().total.duplicate == 4


def test_a_repeat_of_a_record_whose_bytes_are_gone_is_a_plain_duplicate(tmp_path):
    """Without raw/ there is nothing to compare it with."""
    world = a_world(tmp_path / "data")
    sweep(world)
    lose_ledger(world, tmp_path)
    repair(world)

    world.receive([submitted(a_ping(3), 3)])
    asyncio.run(world.convert())

    assert world.audit().total.duplicate == 2  # with the conflict of before
    assert world.audit().total.conflict == 1


def test_raw_restored_from_before_a_sweep_is_not_read_again(tmp_path, command):
    """Quarantine does not double; audit names the segments, repair moves them aside."""
    world = a_world(tmp_path / "data")
    shutil.copytree(world.root.raw, tmp_path / "backup")
    sweep(world)
    before = world.audit().total
    shutil.rmtree(world.root.raw)
    shutil.copytree(tmp_path / "backup", world.root.raw)

    asyncio.run(world.convert())

    audited = world.audit()
    assert audited.total == before
    assert len(audited.findings) == 1
    assert "was converted and removed, but exists again" in audited.findings[0]
    out, _ = command("doctor", "--data", str(world.root.path), status=1)
    assert "files are not in the ledger" in out
    segments = list(world.root.raw.glob("*/*.tlg"))
    result = repair(world)
    assert result.strays == [f"raw/{path.parent.name}/{path.name}" for path in segments]
    assert world.audit().findings == []


@pytest.mark.parametrize(
    "place",
    [
        f"converted/{DAY}/part-0000000077.zst",
        f"converted/{DAY}/a/b/c/d/e/notes.txt",
        f"quarantine/{DAY}/invalid_json/part-0000000001.zst",
        f"quarantine/{DAY}/invalid_json/.part-0000000077.zst.tmp",
        "converted/part-0000000077.zst",
    ],
)
def test_a_file_that_the_ledger_does_not_know_is_reported_and_moved_aside(tmp_path, command, place):
    """By audit, with exit status 1; repair --dry-run lists it, repair moves it."""
    world = a_world(tmp_path / "data")
    path = world.root.path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"mine")

    _, talk = command("audit", "--data", str(world.root.path), status=1)
    assert f"{place}: the ledger does not know this file" in talk
    out, _ = command("repair", "--dry-run", "--data", str(world.root.path))
    assert place in out
    assert path.read_bytes() == b"mine"
    command("repair", "--data", str(world.root.path))
    assert not path.exists()
    (aside,) = world.root.stray.glob(f"*/{place}")
    assert aside.read_bytes() == b"mine"
    command("audit", "--data", str(world.root.path))


def test_no_rename_replaces_a_file_that_the_ledger_does_not_know(tmp_path):
    """Conversion halts at it with a line that says what to do, and goes on once it is moved."""
    world = a_world(tmp_path / "data")
    with Ledger.for_reading(world.root) as ledger:
        (file,) = ledger.files("converted")
        following = ledger.counter("file") + 1
    other = a_ping(300)
    other["info"]["appVersion"] = "99.0"
    place = world.root.path / file.directory.replace("30.0a1", "99.0") / f"part-{following:010}.zst"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"mine")
    world.receive([submitted(other, 300)])

    for _ in range(2):  # the second begins with a recovery
        with pytest.raises(StrayFile, match="repair --dry-run"):
            asyncio.run(world.convert())
    with open_ledger(world.root, Disk()) as ledger:
        remove_doubtful(world.root.path, ledger, Disk())

    assert place.read_bytes() == b"mine"
    repair(world)
    asyncio.run(world.convert())
    assert world.audit().findings == []
    assert world.audit().total.stored == 6


def test_a_committed_file_that_is_gone_comes_back_from_raw(tmp_path):
    """Repair forgets it, and the submissions that raw/ still holds are judged again."""
    world = a_world(tmp_path / "data")
    before = world.audit().days
    for path in world.root.converted.rglob("*.zst"):
        path.unlink()

    repair(world)
    asyncio.run(world.convert())

    assert world.audit().findings == []
    assert world.audit().days[DAY].stored == before[DAY].stored


def test_a_ledger_of_before_identities_is_brought_up_to_date(tmp_path):
    """An upgrade needs no help."""
    world = a_world(tmp_path / "data")
    connection = sqlite3.connect(world.root.ledger)
    connection.executescript(
        "DROP TABLE swept; DROP TABLE root; DELETE FROM counters WHERE name = 'commit';"
        "PRAGMA user_version = 1;"
    )
    connection.close()
    world.root.identity.unlink()

    assert world.audit().findings == []
    world.receive(pings(50, 1))
    asyncio.run(world.convert())
    assert world.audit().findings == []
    with Ledger.for_reading(world.root) as ledger:
        assert ledger.root_id() is not None


def test_a_folder_without_its_identity_goes_on(tmp_path):
    """A copy without hidden files is a whole copy."""
    world = a_world(tmp_path / "data")
    world.root.identity.unlink()
    world.receive(pings(50, 1))
    asyncio.run(world.convert())

    assert world.audit().findings == []
    assert world.root.identity.exists()


@pytest.mark.parametrize(("error", "step"), [(errno.EIO, size(2, 1)), (errno.ENOSPC, size(5, 1))])
def test_a_disk_that_fails_at_any_operation_of_repair_costs_nothing(tmp_path, error, step):
    """Fail the n-th operation for every n (for some in CI): no byte is gone, and a second run finishes."""
    template = a_world(tmp_path / "template")
    sweep(template)
    restore_older_than_a_merge(template, tmp_path)
    (template.root.converted / "notes.txt").write_bytes(b"mine")
    nth = 1 - step
    while True:
        nth += step
        shutil.copytree(template.root.path, tmp_path / str(nth))
        world = World(tmp_path / str(nth))
        before = held(world)
        disk = FaultyDisk(nth=nth, error=error, short=bool(nth // step % 2))
        with suppress(OSError, StorageError):
            Repairer(world.root, disk, world.setup.schema_text).repair()
        assert before.keys() <= held(world).keys()
        repair(world)
        assert before.items() <= held(world).items()
        assert world.audit().findings == []
        assert len({document_id for document_id, _ in world.lines()}) == len(world.lines()) == 8
        shutil.rmtree(world.root.path)
        if not disk.failed:
            break

    assert nth > 20, "the sweep met hardly any operation"


def test_a_file_that_shares_lines_with_another_is_written_again_without_them(tmp_path):
    """Nothing counts twice, and the file as it was is kept aside."""
    world = a_world(tmp_path / "data")
    lose_ledger(world, tmp_path)
    (part,) = world.root.converted.rglob("*.zst")
    frames = whole_frames(io.BytesIO(part.read_bytes()))
    lines = [line for _, text in frames for line in text.splitlines(keepends=True)]
    part.with_name("part-0000000500.zst").write_bytes(compress_frame(b"".join(lines[:2])))
    before = held(world)

    repair(world)

    assert before.items() <= held(world).items()
    assert len(world.lines()) == 5
    assert world.audit().findings == []


def test_a_running_converter_goes_on_with_the_ledger_that_repair_built(tmp_path):
    """It follows the replacement at its next turn."""
    world = a_world(tmp_path / "data")

    async def run() -> None:
        async with AsyncExitStack() as stack:
            converter = await world.opened(stack)
            world.receive(pings(50, 1))
            await converter.convert_all()
            (world.root.path / next(iter(converter.ledger.files("quarantine"))).path).unlink()
            assert repair(world).unfit is not None
            world.receive(pings(60, 1))
            await converter.convert_all()

    asyncio.run(run())

    assert world.audit().findings == []
    assert world.audit().total.stored == 7


def test_a_running_converter_halts_when_its_ledger_is_removed(tmp_path):
    """It would write on into a file without a name."""
    world = a_world(tmp_path / "data")

    async def run() -> None:
        async with AsyncExitStack() as stack:
            converter = await world.opened(stack)
            lose_ledger(world, tmp_path)
            with pytest.raises(LostLedger):
                await converter.convert_all()

    asyncio.run(run())


def test_a_pending_ping_still_waits_after_a_repair(tmp_path):
    """Its definitions are asked for as before."""
    world = a_world(tmp_path / "data")
    strange = Revision("mozilla-central", "fffffffffff0")
    with_server = World(world.root.path, server="http://127.0.0.1:1")
    world.receive([submitted(a_ping(70, revision=strange), 70), *pings(71, 1)])
    asyncio.run(with_server.convert())
    assert world.audit().total.pending == 1
    lose_ledger(world, tmp_path)

    repair(world)
    asyncio.run(with_server.convert())

    with Ledger.for_reading(world.root) as ledger:
        assert [ping.revision for ping in ledger.pending()] == ["mozilla-central/rev/fffffffffff0"]
    assert world.audit().findings == []
    asyncio.run(world.convert())
    assert world.audit().total.pending == 0
    assert world.audit().findings == []


def test_repair_json_says_what_was_done(tmp_path, command):
    """For scripts."""
    world = a_world(tmp_path / "data")
    lose_ledger(world, tmp_path)
    would = json.loads(command("repair", "--dry-run", "--json", "--data", str(world.root.path))[0])
    did = json.loads(command("repair", "--json", "--data", str(world.root.path))[0])
    nothing = json.loads(command("repair", "--json", "--data", str(world.root.path))[0])

    assert (would["dry_run"], would["ledger"], would["rebuilt"]) == (True, "unfit", None)
    assert "the ledger is gone" in would["reason"]
    assert did["rebuilt"] == {"files": 4, "stored": 5, "quarantined": 1, "conflict": 1, "to_judge": 1}
    assert (nothing["ledger"], nothing["strays"], nothing["rebuilt"]) == ("current", [], None)


def test_a_record_that_was_deleted_by_hand_stays_deleted(tmp_path, command):
    """As docs/clients.md says: from raw/ and from its file, then repair --rebuild."""
    world = a_world(tmp_path / "data")
    shutil.rmtree(world.root.raw / DAY)
    for path in world.root.path.rglob("*.zst"):
        lines = [
            line for _, text in whole_frames(io.BytesIO(path.read_bytes())) for line in text.splitlines()
        ]
        kept = [line + b"\n" for line in lines if not line.startswith(an_id(3).encode())]
        path.write_bytes(compress_frame(b"".join(kept)))

    command("repair", "--rebuild", "--data", str(world.root.path))
    command("convert", "--data", str(world.root.path))

    command("audit", "--data", str(world.root.path))
    assert sorted(document_id for document_id, _ in world.lines()) == [an_id(n) for n in (0, 1, 2, 4)]
    command("explain", an_id(3), "--data", str(world.root.path), status=1)


def test_a_rebuild_moves_a_segment_aside_that_was_removed_before_and_is_in_no_file(tmp_path):
    """It held nothing but repeats: the books of the old ledger counted them."""
    world = a_world(tmp_path / "data")
    world.receive(pings(0, 2))
    asyncio.run(world.convert())
    shutil.copytree(world.root.raw, tmp_path / "backup")
    sweep(world)
    shutil.rmtree(world.root.raw)
    shutil.copytree(tmp_path / "backup", world.root.raw)

    result = Repairer(world.root, Disk(), world.setup.schema_text, rebuild=True).repair()
    asyncio.run(world.convert())

    assert len([path for path in result.strays if path.startswith("raw/")]) == 1
    assert world.audit().findings == []
    assert world.audit().total.stored == 5


def test_a_repeat_of_a_ping_first_refused_then_stored_is_a_plain_duplicate(tmp_path):
    """All came at one time, as in an export: which bytes were stored cannot be known from raw/."""
    world = World(tmp_path)
    world.put_specs()
    good = submitted(a_ping(1), 1)
    world.receive([submitted(b"{", 1), good, good, submitted(a_ping(1, other=1), 1)])
    asyncio.run(world.convert())
    before = world.audit().days
    lose_ledger(world, tmp_path)

    repair(world)
    asyncio.run(world.convert())

    assert world.audit().findings == []
    assert world.audit().days == before
