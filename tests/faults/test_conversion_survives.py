"""Conversion under failing disks and killed processes: nothing lost, nothing doubled, balanced counts."""

import asyncio
import errno
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.errors import StorageError
from storage.ledger.ledger import Ledger
from storage.partitions import paced_writes
from storage.tables.merging import compact_tables
from telemetry_server.coordinator import batch_planner
from telemetry_server.coordinator.process_starter import ProcessStarter
from telemetry_server.tables.rebuild import Rebuilder
from tests.support.data_root import DAY, World, a_ping, an_id, submitted
from tests.support.fault_actions import STEP_BYTES, TASK_ITEMS
from tests.support.faulty_disk import FaultyDisk
from tests.support.sizes import size


def filled(path: Path) -> World:
    """Return a data root with pings of three partitions, a broken one, a repeat and a conflict."""
    path.mkdir()
    world = World(path)
    world.put_specs()
    pings = []
    for number in range(6):
        ping = a_ping(number)
        ping["info"]["appVersion"] = f"{number % 3}.0"
        pings.append(submitted(ping, number))
    world.receive([*pings, submitted(b"{", 7), pings[0], submitted(a_ping(1, other=1), 1)])
    return world


def assert_complete(world: World) -> None:
    assert sorted(document_id for document_id, _ in world.lines()) == sorted(an_id(n) for n in range(6))
    audited = world.audit()
    assert audited.findings == []
    assert (audited.total.received, audited.total.stored) == (9, 6)
    assert (audited.total.duplicate, audited.total.conflict, audited.total.quarantined) == (2, 1, 1)
    assert_in_tables(world, range(6))
    known = set(world.root.path.rglob("*.zst"))
    assert len(known) == len(list(world.root.path.glob("*/*/**/*.zst")))


def assert_in_tables(world: World, numbers: Iterable[int]) -> None:
    """Each of *numbers* has one row in ``pings``, and the other tables agree with the records."""
    ids = Counter(str(row["document_id"]) for row in world.table_rows("pings"))
    assert ids == Counter(an_id(number) for number in numbers)
    assert world.untabled() == 0
    assert world.check_tables() == []


@pytest.mark.parametrize(("error", "step"), [(errno.EIO, size(3, 1)), (errno.ENOSPC, size(5, 1))])
async def test_a_disk_failure_at_any_operation_loses_nothing(tmp_path, monkeypatch, error, step):
    """
    The n-th operation fails, for every n (for some in CI): the next run completes the conversion.

    A commit syncs after each frame, as large ones do.
    """
    monkeypatch.setattr(batch_planner, "TASK_ITEMS", TASK_ITEMS)
    monkeypatch.setattr(paced_writes, "STEP_BYTES", STEP_BYTES)
    nth = 0
    while True:
        nth += step
        world = filled(tmp_path / str(nth))
        disk = FaultyDisk(nth=nth, error=error, short=bool(nth % 2))
        with suppress(OSError, StorageError):
            await world.convert(disk=disk)
        assert world.audit().balanced
        if nth % 5 == 0:  # a check of the tables takes as long as the conversion
            assert world.check_tables() == []
        await world.convert()
        assert_complete(world)
        if not disk.failed:
            break

    assert nth > 20, "too few disk operations were tested"


def merge_tables(world: World, disk: FaultyDisk) -> None:
    with Ledger(world.root.ledger) as ledger:
        # A failure behind the commit leaves nothing to merge.
        list(compact_tables(world.root, ledger, disk, DAY, nullcontext))
        files = ledger.table_files(day=DAY)
        assert len(files) == len({file.table for file in files})


def rebuild_tables(world: World, disk: FaultyDisk) -> None:
    with Ledger(world.root.ledger) as ledger:
        assert Rebuilder(world.root, ledger, disk, world.setup.definition_finder).rebuild_day(DAY)


@pytest.mark.parametrize("work", [merge_tables, rebuild_tables])
async def test_a_disk_failure_while_tables_are_written_anew_changes_nothing(tmp_path, work):
    """The n-th operation fails, for every n (for some in CI): nothing differs before or after a new try."""
    template = filled(tmp_path / "template")
    await template.convert()
    template.receive([submitted(a_ping(number), number) for number in range(20, 24)])
    await template.convert()
    numbers = [*range(6), *range(20, 24)]
    for nth in range(1, 1000, size(9, 1)):
        shutil.copytree(template.root.path, tmp_path / str(nth))
        world = World(tmp_path / str(nth))
        disk = FaultyDisk(nth=nth, short=bool(nth % 2))
        with suppress(OSError, StorageError):
            work(world, disk)
        assert_in_tables(world, numbers)
        if not disk.failed:
            break
        await world.convert()
        work(world, FaultyDisk(nth=1 << 30))
        assert_in_tables(world, numbers)
        assert world.audit().findings == []

    assert nth > 10, "too few disk operations were tested"


@pytest.mark.slow
def test_conversion_killed_at_random_moments_loses_and_doubles_nothing(tmp_path, figure):
    """Many SIGKILLs during conversion and compaction: at the end each id is stored once."""
    figure.title = "SIGKILL of convert and compact"
    chance = random.Random(5)
    world = World(tmp_path)
    world.put_specs()
    day = datetime(2026, 11, 20, tzinfo=UTC)
    total = size(3_000, 100_000)
    different = total * 95 // 100
    world.receive(submitted(a_ping(n % different), n % different, at=day) for n in range(total))
    added = []
    while figure.runs < size(8, 20):
        command = chance.choice((["compact"], ["tables", "rebuild"], ["convert"], ["convert"]))
        process = subprocess.Popen(
            [sys.executable, "-m", "telemetry_server", *command, "--json", "--data", str(tmp_path)],
            env={**os.environ, "TELEMETRY_REVISION_OFFLINE": "true"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        time.sleep(chance.uniform(0.3, size(25, 60) / 10))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            figure.runs += 1
        process.communicate()
        audited = world.audit()
        assert audited.balanced, audited.findings
        ids = Counter(document_id for document_id, _ in world.lines())
        assert set(ids.values()) <= {1}
        assert world.check_tables() == []
        if audited.total.pending == 0:
            more = range(1_000_000 + len(added), 1_000_000 + len(added) + 400)
            world.receive(submitted(a_ping(number), number, at=day) for number in more)
            added += more
    asyncio.run(world.convert(processes=2))

    ids = Counter(document_id for document_id, _ in world.lines())
    assert ids == Counter(an_id(number) for number in [*range(different), *added])
    assert_in_tables(world, [*range(different), *added])
    assert world.audit().total.duplicate == total - different
    assert world.audit().balanced
    figure.acknowledged = total + len(added)
    figure.notes.append(f"{total - different:,} repeats recognised")


@pytest.mark.slow
async def test_no_ping_is_refused_when_processes_cannot_start(tmp_path, monkeypatch):
    """Conversion halts while processes die at their start, and succeeds afterwards."""
    world = World(tmp_path)
    world.put_specs()
    world.receive(submitted(a_ping(number), number) for number in range(3))
    with monkeypatch.context() as patched:
        patched.setattr(ProcessStarter, "start", _cannot_start)
        patched.setattr("telemetry_server.coordinator.process_pool.SMALL_ITEMS", 0)
        with pytest.raises(OSError, match="as soon as they start"):
            await world.convert(processes=1)

    summary = await world.convert()

    assert (summary.stored, sum(summary.quarantined.values())) == (3, 0)
    assert world.audit().balanced


def _cannot_start(starter):
    here, there = socket.socketpair()
    there.close()
    return here
