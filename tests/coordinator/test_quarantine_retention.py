"""Quarantine goes after its retention, whole folders at once, and the books still balance."""

import json
import os
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.ledger.values import Entry
from telemetry_server.coordinator import quarantine_retention
from telemetry_server.coordinator.quarantine_retention import (
    counts_of,
    expired_folders,
    remove_expired,
    remove_folder,
)
from telemetry_server.coordinator.retention import RetentionTasks
from tests.support.data_root import DAY, NOON, World, a_ping, an_id, submitted

RETENTION = timedelta(days=90)
END_OF_DAY = datetime(2026, 11, 23, tzinfo=UTC)
LATER = END_OF_DAY + RETENTION


def written(world: World, at: datetime) -> None:
    """Every file of quarantine was changed last at *at*."""
    for path in world.root.quarantine.rglob("*.zst"):
        os.utime(path, (at.timestamp(), at.timestamp()))


@pytest.fixture
async def world(tmp_path):
    """Of one day: 3 records with a dropped histogram each, 2 refused bodies, 1 conflict."""
    world = World(tmp_path)
    world.put_specs()
    world.receive(
        [
            *(submitted(a_ping(number), number) for number in range(3)),
            submitted(b"not JSON", 10),
            submitted(b"{", 11),
            submitted(a_ping(0, more=1), 0),
        ]
    )
    await world.convert()
    written(world, NOON)
    return world


async def run_retention(world: World, now: datetime, days: float = 90) -> None:
    with Ledger(world.root.ledger) as ledger:
        remove_expired(world.root.path, ledger, Disk(), now, timedelta(days=days))


async def test_all_that_is_past_retention_counts_as_deleted(world):
    """`received` stays; a conflict's bytes were all that was left of it, so it is deleted too."""
    before = world.audit().total
    assert (before.received, before.stored, before.duplicate, before.conflict, before.quarantined) == (
        6,
        3,
        1,
        1,
        2,
    )

    await run_retention(world, LATER)

    audit = world.audit()
    assert audit.findings == []
    assert audit.total.balanced
    assert (audit.total.received, audit.total.stored, audit.total.deleted) == (6, 3, 3)
    assert (audit.total.duplicate, audit.total.conflict, audit.total.quarantined) == (0, 0, 0)
    assert world.lines("quarantine") == []
    assert len(world.lines()) == 3
    assert list(world.root.quarantine.iterdir()) == []


async def test_dropped_histogram_values_move_in_the_books_from_dropped_to_deleted(world):
    """They are no submissions, so they count beside the books of the day."""
    await run_retention(world, LATER)

    with Ledger.for_reading(world.root) as ledger:
        tally = ledger.tally()
    assert tally[DAY, Entry.HISTOGRAM_DROPPED, "unknown_histogram"] == 0
    assert tally[DAY, Entry.HISTOGRAM_DELETED, "unknown_histogram"] == 3


@pytest.mark.parametrize(
    ("now", "last_written", "days", "goes"),
    [
        (LATER - timedelta(seconds=1), NOON, 90, False),
        (LATER, NOON, 90, True),
        (LATER, NOON, 91, False),
        (LATER, NOON + timedelta(days=30), 90, False),  # an import, long after the day of its pings
        (LATER + timedelta(days=30), NOON + timedelta(days=30), 90, True),
        (END_OF_DAY, NOON, 0, True),
        (END_OF_DAY - timedelta(seconds=1), NOON, 0, False),  # more may still come
        (NOON - timedelta(days=400), NOON, 90, False),  # a clock that was set back
    ],
)
async def test_age_counts_from_the_end_of_the_day_or_the_last_change(world, now, last_written, days, goes):
    """What is later decides: nothing goes before it was there as long as the setting says."""
    written(world, last_written)

    await run_retention(world, now, days)

    assert (world.lines("quarantine") == []) is goes
    assert world.audit().findings == []


async def test_a_removed_ping_is_explained_as_deleted_and_may_come_again(world, command):
    """Its reason is still known; its id is free, as it always was."""
    await run_retention(world, LATER)
    data = str(world.root.path)

    out, _ = command("explain", an_id(11), "--data", data)
    world.receive([submitted(a_ping(11), 11)])
    await world.convert()
    again, _ = command("explain", an_id(11), "--data", data)

    assert "deleted" in out
    assert "invalid_json" in out
    assert "quarantine_retention_days" in out
    assert "stored" in again
    assert world.audit().findings == []


async def test_explain_says_that_dropped_values_of_a_record_are_removed(world, command):
    """Their number is still in the record."""
    data = str(world.root.path)
    before = json.loads(command("explain", an_id(1), "--data", data, "--json")[0])
    await run_retention(world, LATER)

    after = json.loads(command("explain", an_id(1), "--data", data, "--json")[0])

    assert (len(before["dropped_histograms"]), before["detail"]) == (1, None)
    assert after["dropped_histograms"] == []
    assert after["metadata"]["dropped_histograms"] == {"unknown_histogram": 1}
    assert after["detail"] == "1 dropped values were removed after quarantine_retention_days"


async def test_other_days_and_reasons_stay(world):
    """Only the folders of the day that is past its retention go."""
    world.receive([submitted(b"{", 20, at=NOON + timedelta(days=1))])
    await world.convert()
    written(world, NOON)

    await run_retention(world, LATER)

    assert [fields["received_at"][:10] for _, fields in world.lines("quarantine")] == ["2026-11-23"]
    assert world.audit().findings == []


async def test_more_that_comes_for_a_removed_day_makes_a_new_file(world):
    """The writer must not append to a file that was removed under it."""
    now = NOON
    world.clock = lambda: now
    async with AsyncExitStack() as stack:
        converter = await world.opened(stack)
        await converter.convert_all()
        upkeep = RetentionTasks(
            converter,
            raw_retention_days=36525,
            dedup_days=None,
            quarantine_retention_days=0,
            clock=lambda: now,
        )
        await upkeep.remove_expired()
        now = NOON + timedelta(days=1)
        world.receive([submitted(a_ping(40), 40, at=now)])
        await converter.convert_all()
        await upkeep.remove_expired()
        assert [fields["received_at"][:10] for _, fields in world.lines("quarantine")] == ["2026-11-23"]
        world.receive([submitted(b"{", 30)])
        await converter.convert_all()

    assert sorted(fields["received_at"][:10] for _, fields in world.lines("quarantine")) == [
        "2026-11-22",
        "2026-11-23",
    ]
    assert world.audit().findings == []


async def test_a_kill_after_the_commit_leaves_files_that_recovery_removes(world, monkeypatch):
    """The ledger's commit decides: before it nothing changed, after it the files are gone for readers."""
    monkeypatch.setattr(quarantine_retention, "remove_doubtful", lambda *_: None)
    with Ledger(world.root.ledger) as ledger:
        for folder in list(expired_folders(world.root.path, ledger, LATER, RETENTION)):
            remove_folder(world.root.path, ledger, Disk(), folder)

    assert len(list(world.root.quarantine.rglob("*.zst"))) == 3
    assert world.lines("quarantine") == []
    await world.convert()

    assert list(world.root.quarantine.rglob("*.zst")) == []
    assert world.audit().findings == []


async def test_what_would_go_is_listed_with_its_size(world):
    """A plan shows the same folders that a run removes."""
    with Ledger.for_reading(world.root) as ledger:
        folders = list(expired_folders(world.root.path, ledger, LATER, RETENTION))
        booked = ledger.tally()

    assert [(folder.day, folder.reason, folder.lines) for folder in folders] == [
        (DAY, "conflict", 1),
        (DAY, "invalid_json", 2),
        (DAY, "unknown_histogram", 3),
    ]
    assert sum(counts_of(folder, booked)[DAY, Entry.DELETED, ""] for folder in folders) == 3
    assert all(folder.bytes > 0 for folder in folders)
