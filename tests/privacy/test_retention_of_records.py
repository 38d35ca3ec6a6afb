"""Records are removed after their retention, with their tables and ids; aggregates and books stay."""

import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from uuid import UUID

import pytest

from storage.disk import Disk
from storage.ledger.ledger import Ledger
from telemetry_server.aggregates.check import Checker
from telemetry_server.aggregates.sealing import Sealer, sealed_days
from telemetry_server.coordinator.retention import RetentionTasks
from telemetry_server.privacy.retention.age import RetentionDays
from telemetry_server.privacy.retention.plan import retention_plan
from telemetry_server.privacy.retention.records import NotSealed
from telemetry_server.privacy.retention.run import RecordRetention, run_retention
from tests.aggregates.pings import FIXTURE, REVISION, SPEC, Aggregates, client_id, filled
from tests.support.data_root import World, submitted

FIRST, SECOND = "20261120", "20261121"
# The 20th is over for ten days, the 21st for nine.
NOW = datetime(2026, 12, 1, tzinfo=UTC)
TEN = RetentionDays(records=10, quarantine=10, raw=10)


def retention_of(world: World, *, remembers_ids: bool = False) -> RecordRetention:
    return RecordRetention(10, Sealer(world.root, Disk(), 1).seal, remembers_ids=remembers_ids)


async def removed(world: World, kept: RetentionDays = TEN, **options: bool):
    """Run the retention; return its result."""
    async with AsyncExitStack() as stack:
        converter = await world.opened(stack)
        return await run_retention(converter, kept, retention_of(world, **options), NOW)


@pytest.fixture
async def world(tmp_path):
    """Seven records and a duplicate of two days, with tables and aggregates."""
    world = World(tmp_path)
    world.put_specs(REVISION, SPEC)
    await filled(world, FIXTURE.values())
    return world


def planned(world: World, kept: RetentionDays = TEN):
    with Ledger.for_reading(world.root) as ledger:
        return retention_plan(world.root, ledger, kept, NOW)


async def repeat_the_first(world: World):
    """Receive the first ping again; return what became of it."""
    world.receive([next(iter(FIXTURE.values())).submission()])
    return await world.convert()


def days_of(world: World) -> set[str]:
    with Ledger.for_reading(world.root) as ledger:
        files = {file.directory.split("/")[1] for file in ledger.files("converted")}
        return files | {file.day for file in ledger.table_files()}


async def test_records_of_an_old_day_go_and_its_sums_stay(world):
    """Received stays, stored becomes deleted; tables, aggregates and books agree afterwards."""
    before = world.audit().days[FIRST]
    answers = Aggregates(world)
    answers.update()
    rows = {by: answers.answer(by=by)["rows"] for by in ("day", "build")}

    result = await removed(world)

    assert [(item.store, item.day) for item in result.removed if item.store == "records"] == [
        ("records", FIRST)
    ]
    audit = world.audit()
    assert audit.findings == []
    after = audit.days[FIRST]
    assert (after.received, after.stored) == (before.received, 0)
    assert after.deleted == before.stored
    assert after.balanced
    assert days_of(world) == {SECOND}
    assert not (world.root.converted / FIRST).exists()
    assert not list(world.root.path.glob(f"tables/*/{FIRST}"))
    assert sealed_days(world.root) == [FIRST]
    assert world.check_tables() == []
    checked = Checker(world.root).check()
    assert (checked.findings, checked.behind) == ([], [])
    for by, found in rows.items():
        now = answers.answer(by=by)["rows"]
        assert [(row["group"], row["counts"], row["pings"]) for row in now] == [
            (row["group"], row["counts"], row["pings"]) for row in found
        ]


async def test_a_later_deletion_leaves_the_sums_of_a_removed_day_and_says_so(world, command):
    """The client is removed from the day that still has records."""
    answers = Aggregates(world)
    answers.update()
    before = answers.row(FIRST, by="day")
    await removed(world)
    words = ("forget", "--client", client_id("A"), "--client", client_id("C"), "--json")
    report = json.loads(command(*words, "--data", str(world.root.path))[0])
    after = answers.answer(by="day")

    assert report["sealed_days"] == after["sealed_days"] == [FIRST]
    assert report["scan"]["hits"] == {}
    old, new = after["rows"]
    names = ("group", "counts", "sum", "instances", "pings")
    assert [old[name] for name in names] == [before[name] for name in names]
    assert (new["group"], new["counts"]) == (SECOND, [4, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    checked = Checker(world.root).check()
    assert (checked.findings, checked.behind) == ([], [])


async def test_nothing_goes_before_its_time(world):
    kept = RetentionDays(records=11, quarantine=11, raw=11)

    assert planned(world, kept) == []


async def test_records_stay_without_a_retention(world):
    kept = RetentionDays(records=None, quarantine=10, raw=10)

    assert {item.store for item in planned(world, kept)} == {"raw"}


async def test_the_plan_is_what_the_run_removes(world):
    """Records, quarantine and raw submissions; a second run finds nothing."""
    world.receive(
        submitted(b"not JSON", 900 + number, at=datetime(2026, 11, 20, tzinfo=UTC)) for number in range(2)
    )
    await world.convert()
    plan = planned(world)

    result = await removed(world)

    assert [(item.store, item.reason) for item in plan] == [
        ("records", None), ("quarantine", "invalid_json"), ("raw", None)
    ]  # fmt: skip
    assert result.removed == plan
    assert planned(world) == []
    assert world.audit().findings == []
    assert (await removed(world)).removed == []


async def test_a_repeat_of_a_removed_record_is_new(world):
    """Ids are remembered as long as records are kept."""
    await removed(world)
    summary = await repeat_the_first(world)

    assert (summary.stored, summary.duplicate) == (1, 0)
    assert world.audit().findings == []


async def test_a_repeat_is_a_duplicate_within_its_own_window(world):
    """With dedup_days; `explain` says that the record was deleted."""
    first = next(iter(FIXTURE.values()))
    await removed(world, remembers_ids=True)
    with Ledger.for_reading(world.root) as ledger:
        lives = ledger.outcomes_of(UUID(first.document_id).bytes)
    summary = await repeat_the_first(world)

    assert [life.outcome for life in lives] == ["deleted", "duplicate"]
    assert (summary.stored, summary.duplicate) == (0, 1)
    assert world.audit().findings == []


async def test_records_stay_if_their_aggregates_cannot_be_sealed(world):
    def refuse(days):
        raise NotSealed("the disk of the aggregates is away")

    async with AsyncExitStack() as stack:
        converter = await world.opened(stack)
        result = await run_retention(converter, TEN, RecordRetention(10, refuse, remembers_ids=False), NOW)

    assert result.findings == ["the disk of the aggregates is away"]
    assert FIRST in days_of(world)
    assert world.audit().findings == []


async def test_the_hourly_work_removes_records_too(world):
    """Also where nothing arrives any more, so that data does not stay for ever."""
    async with AsyncExitStack() as stack:
        converter = await world.opened(stack)
        records = retention_of(world)
        tasks = RetentionTasks(
            converter,
            raw_retention_days=3650,
            dedup_days=None,
            quarantine_retention_days=3650,
            remove_records=lambda now: records.remove_or_log(converter, now),
            clock=lambda: NOW,
        )
        await tasks.remove_expired()

    assert days_of(world) == {SECOND}
    assert world.audit().findings == []


def test_the_command_shows_and_removes_what_is_old(tmp_path, command):
    """Imported pings of last year; what is removed counts as deleted, and no file is left."""
    data = str(tmp_path / "data")
    lines, _ = command("generate", "--count", "6", "--malformed", "0.4", "--seed", "3")
    file = tmp_path / "pings.txt"
    file.write_text(lines)
    command("generate", "--install-specs", "--data", data)
    command("convert", str(file), "--date", "20250701", "--data", data)
    config = tmp_path / "settings.toml"
    config.write_text("record_retention_days = 30\n")
    of_data = ("--data", data, "--config", str(config))
    before = json.loads(command("audit", "--json", *of_data)[0])["total"]

    plan = json.loads(command("retention", "plan", "--json", *of_data)[0])
    untouched = json.loads(command("audit", "--json", *of_data)[0])["total"]
    run = json.loads(command("retention", "run", "--json", *of_data)[0])
    after = json.loads(command("audit", "--json", *of_data)[0])

    assert plan["kept_days"] == {"records": 30, "quarantine": 90, "raw": 30, "contacts": 90}
    assert run["items"] == plan["items"]
    assert sum(item["count"] for item in plan["items"] if item["store"] == "records") == before["stored"] > 0
    assert untouched == before
    assert after["balanced"]
    assert after["total"]["received"] == before["received"]
    assert (after["total"]["stored"], after["total"]["quarantined"]) == (0, 0)
    assert after["total"]["deleted"] == before["stored"] + before["quarantined"]
    assert not [
        path
        for folder in ("converted", "quarantine", "tables", "raw")
        for path in (tmp_path / "data" / folder).rglob("*.*")
        if not path.name.startswith(".")
    ]
    assert command("retention", "plan", *of_data)[0] == "nothing is older than its retention\n"
