"""Quarantine is removed after its retention in whole folders, and the counts still balance."""

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
    """Set the last change of every quarantine file to *at*."""
    for path in world.root.quarantine.rglob("*.zst"):
        os.utime(path, (at.timestamp(), at.timestamp()))


@pytest.fixture
async def world(tmp_path):
    """One day with 3 records with a dropped histogram each, 2 refused bodies and 1 conflict."""
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


async def test_expired_quarantine_counts_as_deleted(world):
    """`received` stays; a conflict counts too, because its bytes were only there."""
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


async def test_expired_histograms_are_counted_as_deleted(world):
    """They are not submissions, so they have their own counts."""
    await run_retention(world, LATER)

    with Ledger.for_reading(world.root) as ledger:
        tally = ledger.tally()
    assert tally[DAY, Entry.HISTOGRAM_DROPPED, "unknown_histogram"] == 0
    assert tally[DAY, Entry.HISTOGRAM_DELETED, "unknown_histogram"] == 3


@pytest.mark.parametrize(
    ("now", "last_written", "days", "removed"),
    [
        (LATER - timedelta(seconds=1), NOON, 90, False),
        (LATER, NOON, 90, True),
        (LATER, NOON, 91, False),
        (LATER, NOON + timedelta(days=30), 90, False),  # an import, long after the day of its pings
        (LATER + timedelta(days=30), NOON + timedelta(days=30), 90, True),
        (END_OF_DAY, NOON, 0, True),
        (END_OF_DAY - timedelta(seconds=1), NOON, 0, False),  # more may still arrive
        (NOON - timedelta(days=400), NOON, 90, False),  # a clock that was set back
    ],
)
async def test_age_counts_from_the_end_of_the_day_or_the_last_change(world, now, last_written, days, removed):
    """The later of the two counts: quarantine is kept at least as long as the setting says."""
    written(world, last_written)

    await run_retention(world, now, days)

    assert (world.lines("quarantine") == []) is removed
    assert world.audit().findings == []


async def test_explain_shows_a_removed_ping_as_deleted_and_it_can_be_sent_again(world, command):
    """Its reason is still known, and its id is not remembered as stored."""
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


async def test_explain_shows_that_dropped_values_of_a_record_were_removed(world, command):
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
    """Only folders of the expired day are removed."""
    world.receive([submitted(b"{", 20, at=NOON + timedelta(days=1))])
    await world.convert()
    written(world, NOON)

    await run_retention(world, LATER)

    assert [fields["received_at"][:10] for _, fields in world.lines("quarantine")] == ["2026-11-23"]
    assert world.audit().findings == []


async def test_new_quarantine_of_a_removed_day_gets_a_new_file(world):
    """The writer must not append to a removed file."""
    now = NOON
    world.clock = lambda: now
    async with AsyncExitStack() as stack:
        converter = await world.opened(stack)
        await converter.convert_all()
        retention = RetentionTasks(
            converter,
            raw_retention_days=36525,
            dedup_days=None,
            quarantine_retention_days=0,
            clock=lambda: now,
        )
        await retention.remove_expired()
        now = NOON + timedelta(days=1)
        world.receive([submitted(a_ping(40), 40, at=now)])
        await converter.convert_all()
        await retention.remove_expired()
        assert [fields["received_at"][:10] for _, fields in world.lines("quarantine")] == ["2026-11-23"]
        world.receive([submitted(b"{", 30)])
        await converter.convert_all()

    assert sorted(fields["received_at"][:10] for _, fields in world.lines("quarantine")) == [
        "2026-11-22",
        "2026-11-23",
    ]
    assert world.audit().findings == []


async def test_a_kill_after_the_commit_leaves_files_that_recovery_removes(world, monkeypatch):
    """Before the ledger's commit nothing has changed; after it, readers do not see the files."""
    monkeypatch.setattr(quarantine_retention, "remove_doubtful", lambda *_: None)
    with Ledger(world.root.ledger) as ledger:
        for folder in list(expired_folders(world.root.path, ledger, LATER, RETENTION)):
            remove_folder(world.root.path, ledger, Disk(), folder)

    assert len(list(world.root.quarantine.rglob("*.zst"))) == 3
    assert world.lines("quarantine") == []
    await world.convert()

    assert list(world.root.quarantine.rglob("*.zst")) == []
    assert world.audit().findings == []


async def test_expired_folders_are_listed_with_their_size(world):
    """The list matches what a run removes."""
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
