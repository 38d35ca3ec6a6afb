"""The sums of days that are kept for the reports on stores and drift: the same answers without records."""

import random
from contextlib import ExitStack
from pathlib import Path

import orjson
import pytest

from histogram_specs.cache.revision_cache import RevisionCache
from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.partitions.frames import decompress_frame
from storage.probe_days import path_of, read_probe_day
from telemetry_server.inspection import probe_days, probe_days_process
from telemetry_server.inspection.probe_days import ProbeDays, TakesLong, Work
from telemetry_server.inspection.probe_days_follower import ProbeDaysFollower
from telemetry_server.inspection.probe_days_process import update
from telemetry_server.inspection.probe_reports import Days, report_on_drift, report_on_stores
from telemetry_server.privacy import forget_files
from telemetry_server.privacy.forget import Forgetter
from telemetry_server.probes.drift import drift_table
from telemetry_server.probes.probe_checks import checked_record
from telemetry_server.probes.probe_counting import ProbeCounting
from telemetry_server.probes.probe_sums import ProbeSums
from telemetry_server.probes.store_report import store_report
from telemetry_server.probes.stores import parse_stores
from tests.probes.test_worked_example import CLIENT, a_custom_ping, a_main_ping, example_of, scalars
from tests.support.data_root import DAY, REVISION, World, an_id

PINGS = [
    a_main_ping(1, 5),
    a_main_ping(2, 7),
    a_custom_ping(3, scalars(tick_times_rand=42, tab_open_event_count=9)),
    a_custom_ping(4, scalars(tick_times_rand=43)),
    a_custom_ping(5, scalars(tick_times_rand=1, tab_hidden_count=2)),
    a_custom_ping(6, scalars(tick_times_rand=-1)),
    a_custom_ping(7, scalars(tick_times_rand=44), clientId=CLIENT),
    a_custom_ping(8, scalars(other_count=1)),
]


@pytest.fixture
def world(tmp_path):
    """A data root with stores and definitions, and no ping."""
    world = World(tmp_path / "data", stores=parse_stores(example_of("toml")))
    world.put_specs()
    definitions(world).write_bytes(example_of("yaml"))
    return world


def definitions(world: World) -> Path:
    return RevisionCache(world.root.specs).path_of(REVISION).with_name("Scalars.yaml")


async def stored(world: World, *pings) -> None:
    world.receive(pings)
    await world.convert()


def keep(world: World, suppress_below: int = 1) -> None:
    update(Work(world.setup, suppress_below), Disk())


def reports(world: World, **more) -> tuple[dict, dict]:
    checks = world.setup.probe_checks()
    with Ledger.for_reading(world.root) as ledger:
        given = world.root, ledger, checks
        return report_on_stores(*given, **more), report_on_drift(*given, **more)


def reports_of_records(world: World, **more) -> tuple[dict, dict]:
    """As `reports`, while no sums are kept."""
    kept = read_probe_day(world.root, DAY)
    path_of(world.root, DAY).unlink(missing_ok=True)
    found = reports(world, **more)
    if kept is not None:
        path_of(world.root, DAY).write_bytes(kept)
    return found


@pytest.fixture
def no_record_is_read(monkeypatch):
    """A function after which no record may be read."""

    def forbid() -> ExitStack:
        stack = ExitStack()
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for read in ("stored_object", "named_record"):
            patch.setattr(probe_days, read, lambda _: pytest.fail("a record was read"))
        return stack

    return forbid


async def test_kept_sums_give_the_answers_of_the_records(world, no_record_is_read):
    """After every ping: with sums that are up to date, and with sums that lack the last pings."""
    for number, ping in enumerate(PINGS):
        await stored(world, ping)
        expected = reports_of_records(world)
        assert reports(world) == expected
        if number % 3 != 1:
            keep(world)
            with no_record_is_read():
                assert reports(world) == expected

    by_name = {store["store"]: store for store in expected[0]["stores"]}
    assert (by_name["main"]["pings"], by_name["custom-store"]["pings"]) == (2, 5)
    assert by_name["custom-store"]["anomalies"]["privacy.client_id_present"] == 1


async def test_few_clients_are_hidden_by_kept_sums_too(world, no_record_is_read):
    """The sums hold digests of so many clients as are needed, and no id."""
    await stored(world, *PINGS[:4])
    keep(world, suppress_below=2)
    await stored(world, *PINGS[4:])
    expected = reports_of_records(world, suppress_below=2)
    assert expected[0]["suppressed"]["cells"]

    assert reports(world, suppress_below=2) == expected
    keep(world, suppress_below=2)
    with no_record_is_read():
        assert reports(world, suppress_below=2) == expected
    kept = decompress_frame(read_probe_day(world.root, DAY))
    assert CLIENT.encode() not in kept
    assert not [number for number in range(1, 9) if an_id(number).encode() in kept]


async def test_the_order_of_records_does_not_matter(world):
    """Nor how they are divided among sums that are added up."""
    await stored(world, *PINGS)
    records = [fields for _, fields in world.lines()]
    checks = world.setup.probe_checks()

    def tables(groups: list[list[dict]]) -> tuple[dict, dict]:
        total = ProbeSums()
        for group in groups:
            sums = ProbeSums()
            counting = ProbeCounting(sums)
            for record in group:
                counting.add(checked_record(record, checks))
            counting.finish()
            total.add(ProbeSums.from_value(1, orjson.loads(orjson.dumps(sums.as_value()))))
        return store_report(total, checks.stores), drift_table(total)

    expected = tables([records])
    source = random.Random(3)
    for _ in range(20):
        source.shuffle(records)
        cut = source.randrange(len(records))
        assert tables([records[:cut], records[cut:]]) == expected


async def test_other_definitions_and_other_stores_are_counted_anew(world, no_record_is_read):
    """Where the cache has removed a revision, what was counted by it stays."""
    await stored(world, *PINGS)
    keep(world)
    definitions(world).write_bytes(example_of("yaml").replace(b"tick_times_rand", b"ticks_of_the_clock"))

    changed = reports(world)
    assert ("undeclared", "browser.engagement.tick_times_rand") in states(changed)
    keep(world)
    for path in definitions(world).parent.iterdir():
        path.unlink()
    definitions(world).parent.rmdir()
    with no_record_is_read():
        assert reports(world) == changed

    text = example_of("toml").replace(b"custom-store", b"other-store")
    other = World(world.root.path, stores=parse_stores(text))
    assert "other-store" in {store["store"] for store in reports(other)[0]["stores"]}


def states(found: tuple[dict, dict]) -> set[tuple[str, str]]:
    return {(row["state"], row["metric"]) for row in found[1]["drift"]}


@pytest.mark.parametrize("damage", [b"", b"\x28\xb5\x2f\xfd nothing", b'{"sums": 3}'])
async def test_a_damaged_file_is_made_anew(world, damage):
    """A report does not fail because of it."""
    await stored(world, *PINGS)
    keep(world)
    expected, kept = reports(world), read_probe_day(world.root, DAY)

    path_of(world.root, DAY).write_bytes(damage)
    assert reports(world) == expected
    keep(world)
    assert read_probe_day(world.root, DAY) == kept


async def test_compacting_changes_no_answer(world, command):
    """The files are others, the records are the same."""
    await stored(world, *PINGS[:4])
    await stored(world, *PINGS[4:])
    keep(world)
    before = reports(world)

    command("compact", "--date", DAY, "--data", str(world.root.path))
    assert reports(world) == before
    keep(world)
    assert reports(world) == before


async def test_what_was_forgotten_is_in_no_sums(world, command):
    """`forget` removes the sums of the days that it changes; days without records have none."""
    await stored(world, *PINGS)
    keep(world)
    assert path_of(world.root, DAY).stat().st_mode & 0o077 == 0

    command("forget", "--document", an_id(5), "--data", str(world.root.path))
    assert not path_of(world.root, DAY).exists()
    assert ("undeclared", "browser.engagement.tab_hidden_count") not in states(reports(world))
    path_of(world.root, "20200101").write_bytes(b"")
    keep(world)
    assert [path.name for path in path_of(world.root, DAY).parent.iterdir()] == [f"{DAY}.zst"]


async def test_the_process_of_the_server_writes_the_sums(world):
    """As the follower runs it, with what it gives it."""
    await stored(world, *PINGS)

    await ProbeDaysFollower(Work(world.setup, 1)).update(len(PINGS))
    kept = read_probe_day(world.root, DAY)
    keep(world)

    assert kept is not None
    assert read_probe_day(world.root, DAY) == kept


async def test_many_records_are_not_read_at_once(world):
    """A page that must not wait asks for what is kept, and is refused where too much is missing."""
    await stored(world, *PINGS)
    with Ledger.for_reading(world.root) as ledger:
        given = world.root, ledger, world.setup.probe_checks()
        with pytest.raises(TakesLong):
            report_on_drift(*given, Days(max_bytes=100))
        keep(world)
        assert report_on_drift(*given, Days(max_bytes=0)) == report_on_drift(*given)
        reader = ProbeDays(*given, 1)
        assert reader.day("20200101") is None


@pytest.mark.parametrize("moment", ["before the write", "after the write"])
async def test_sums_of_a_deleted_client_do_not_come_back(world, monkeypatch, moment):
    """A pass that read the old files is still at work when the client is deleted."""
    await stored(world, *PINGS)
    write = probe_days_process.write_probe_day

    def beside_a_deletion(*args) -> None:
        if moment == "after the write":
            write(*args)
        Forgetter(world.root, Disk()).forget([CLIENT], [])
        if moment == "before the write":
            write(*args)

    monkeypatch.setattr(probe_days_process, "write_probe_day", beside_a_deletion)
    keep(world, suppress_below=2)

    assert read_probe_day(world.root, DAY) is None


async def test_a_deletion_removes_the_sums_once_more_after_its_commit(world, monkeypatch):
    """They may be written between the first removal and the commit."""
    await stored(world, *PINGS)
    keep(world)
    kept, rewrite = read_probe_day(world.root, DAY), forget_files.rewrite_file

    def slow_rewrite(*args, **named) -> None:
        assert read_probe_day(world.root, DAY) is None
        path_of(world.root, DAY).write_bytes(kept)
        rewrite(*args, **named)

    monkeypatch.setattr(forget_files, "rewrite_file", slow_rewrite)
    Forgetter(world.root, Disk()).forget([CLIENT], [])

    assert read_probe_day(world.root, DAY) is None
