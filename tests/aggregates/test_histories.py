"""Whatever happens, and in whatever order: the tables are those that a new root with the same records has."""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.aggregates.day_table import folder_of, read_day_table
from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.ledger.opening import open_ledger
from storage.lock import FileLock
from storage.partitions.compact import compact_day
from storage.tables.columns import PING_KEY, PINGS, written_schema_of
from storage.tables.merging import compact_tables
from storage.tables.part_file import Scratch, install
from telemetry_server.aggregates.check import Checker
from telemetry_server.aggregates.update import Updater
from tests.aggregates.canonical import day_tables
from tests.aggregates.pings import (
    LATER,
    LINUX,
    MAC,
    REVISION,
    SPEC,
    Aggregates,
    Main,
    client_id,
    exp,
    filled,
    histogram,
)
from tests.support.data_root import World
from tests.support.sizes import size

MANY = size(10, 200)
CHANGED = {**SPEC, "EXP": {**SPEC["EXP"], "n_buckets": 20}}


def ping(number: int) -> Main:
    """Return ping *number*: equal numbers give equal pings."""
    chance = random.Random(number)
    is_later = chance.random() < 0.2
    parent = (
        {} if is_later else exp({chance.choice((0, 1, 3, 8)): chance.randint(1, 9)}, chance.randint(0, 99))
    )
    parent |= {"BOOL": histogram("BOOL", {0: 1, 1: chance.randint(0, 3)}, 1)} if chance.random() < 0.5 else {}
    return Main(
        number,
        chance.choice(("A", "B", "C", None)),
        chance.randint(18, 20),
        chance.choice(("20261116030000", "20261117030000")),
        chance.choice((MAC, LINUX)),
        parent=parent,
        content=exp({1: 1}, 1) if chance.random() < 0.3 and not is_later else {},
        payload={"keyedHistograms": {"KEXP": {"a": histogram("KEXP", {3: 2}, 7)}}}
        if chance.random() < 0.3
        else {},
        revision=LATER if is_later else REVISION,
    )


class Killed(BaseException):
    """The process ends here."""


class DyingDisk(Disk):
    """A disk whose process is killed at one of its operations."""

    def __init__(self, operations: int) -> None:
        self._left = operations

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Killed

    def create(self, path):
        self._count()
        return super().create(path)

    def write(self, descriptor, buffers):
        self._count()
        return super().write(descriptor, buffers)

    def rename(self, source, target):
        self._count()
        super().rename(source, target)

    def unlink(self, path):
        self._count()
        super().unlink(path)


@dataclass
class Life:
    """A data root, and what its records should be."""

    world: World
    stored: dict[str, Main] = field(default_factory=dict)  # by document id
    seen: set[str] = field(default_factory=set)
    refused: list[Main] = field(default_factory=list)
    is_later_known: bool = False

    async def arrive(self, numbers: list[int]) -> None:
        """Pings come, perhaps again."""
        pings = [ping(number) for number in numbers]
        await filled(self.world, pings)
        for each in pings:
            self._note(each)

    def _note(self, each: Main) -> None:
        if each.revision == LATER and not self.is_later_known and _has_histograms(each):
            self.refused.append(each)
        elif each.document_id not in self.seen:
            self.seen.add(each.document_id)
            self.stored[each.document_id] = each

    async def replay(self) -> None:
        """Missing definitions come, and what waited for them is converted."""
        self.world.put_specs(LATER, CHANGED)
        self.is_later_known = True
        await self.world.replay()
        refused, self.refused = self.refused, []
        for each in refused:
            self._note(each)

    async def compact(self) -> None:
        """Closed days are merged."""
        root, disk, lock = self.world.root, Disk(), FileLock(self.world.root.state / "converter.lock")
        with open_ledger(root, disk) as ledger:
            for day in sorted({file.directory.split("/")[1] for file in ledger.files()}):
                with lock.held():
                    list(compact_day(root.path, ledger, disk, day))
                list(compact_tables(root, ledger, disk, day, lock.held))

    async def delete(self, letter: str) -> None:
        """The rows of a client are removed from the tables."""
        forget(self.world, letter)
        for document_id in [id_ for id_, each in self.stored.items() if each.client == letter]:
            del self.stored[document_id]

    async def update(self, operations: int | None) -> None:
        """The aggregates are brought up to date, perhaps not to the end."""
        disk = Disk() if operations is None else DyingDisk(operations)
        with suppress(Killed):
            Updater(self.world.root, disk).update()

    def tables(self) -> dict[str, bytes]:
        """The day tables at the end."""
        Updater(self.world.root, Disk()).update()
        return day_tables(self.world.root)


def _has_histograms(each: Main) -> bool:
    return bool(each.parent or each.content or each.payload)


def forget(world: World, letter: str) -> None:
    """Remove the rows of a client from the tables, as a deletion does."""
    root, disk = world.root, Disk()
    scratch = Scratch(root, disk)
    with Ledger(root.ledger) as ledger:
        for day in sorted({file.day for file in ledger.table_files()}):
            files = ledger.table_files(day=day)
            rows = {file: pq.read_table(root.path / file.path) for file in files}
            gone = _keys_of(rows, letter)
            new = []
            for file, table in rows.items():
                kept = table.filter(pc.invert(pc.is_in(_storage(table.column(PING_KEY)), value_set=gone)))
                if kept.num_rows:
                    batch = kept.cast(written_schema_of(file.table)).combine_chunks().to_batches()[0]
                    new.append(scratch.write(file.table, day, [batch]))
            with FileLock(root.state / "converter.lock").held():
                install(root, ledger, disk, new, old=files)


def _storage(column):
    arrays = [chunk.storage if isinstance(chunk, pa.ExtensionArray) else chunk for chunk in column.chunks]
    return pa.concat_arrays(arrays)


def _keys_of(rows, letter):
    found = []
    for file, table in rows.items():
        if file.table == PINGS:
            clients = _storage(table.column("client_id"))
            is_gone = pc.equal(clients, pa.scalar(UUID(client_id(letter)).bytes, clients.type))
            found.append(_storage(table.column(PING_KEY)).filter(pc.fill_null(is_gone, False)))
    return pa.concat_arrays(found)


STEPS = st.one_of(
    st.tuples(st.just("arrive"), st.lists(st.integers(1, 40), min_size=1, max_size=6)),
    st.tuples(st.just("replay")),
    st.tuples(st.just("compact")),
    st.tuples(st.just("delete"), st.sampled_from("ABC")),
    st.tuples(st.just("update"), st.none() | st.integers(0, 60)),
)


def new_root(path: Path, pings: list[Main], *, knows_later: bool) -> dict[str, bytes]:
    """Return the day tables of a new data root that got *pings* at once."""
    world = World(path)
    world.put_specs(REVISION, SPEC)
    if knows_later:
        world.put_specs(LATER, CHANGED)
    asyncio.run(filled(world, pings))
    Updater(world.root, Disk()).update()
    return day_tables(world.root)


def live(steps: list[tuple], chance: random.Random) -> None:
    """Live through *steps*, and compare the end with a new data root."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder, "lived"))
        world.put_specs(REVISION, SPEC)
        life = Life(world)

        async def run() -> None:
            for name, *arguments in steps:
                await getattr(life, name)(*arguments)

        asyncio.run(run())
        found = life.tables()
        pings = list(life.stored.values())
        chance.shuffle(pings)
        expected = new_root(Path(folder, "new"), pings, knows_later=life.is_later_known)
        result = Checker(world.root).check()

    assert found == expected
    assert result.findings == []
    assert result.behind == []


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, min_size=2, max_size=7), st.randoms(use_true_random=False))
def test_a_short_history_ends_as_a_new_root_begins(steps, chance):
    """Some histories of every run."""
    live(steps, chance)


@pytest.mark.slow
@settings(max_examples=MANY, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, min_size=3, max_size=10), st.randoms(use_true_random=False))
def test_many_histories_end_as_new_roots_begin(steps, chance):
    """Arrivals, repeats, late days, replay, compaction, deletion and kills."""
    live(steps, chance)


async def lived(path, pings=range(1, 30)):
    """A data root with pings, and its aggregates."""
    world = World(path)
    world.put_specs(REVISION, SPEC)
    await filled(world, [ping(number) for number in pings])
    return world, Aggregates(world)


@pytest.mark.parametrize("operations", [0, 1, 3, 5, 8, 20])
async def test_a_kill_at_any_moment_leaves_the_old_table_or_the_new_one(tmp_path, operations):
    """The next run ends what was begun."""
    world, aggregates = await lived(tmp_path)
    aggregates.update()
    before = day_tables(world.root)
    await filled(world, [ping(number) for number in range(30, 45)])
    with suppress(Killed):
        Updater(world.root, DyingDisk(operations)).update()
    between = day_tables(world.root)
    aggregates.update()
    after = day_tables(world.root)

    assert all(between[day] in (before.get(day), after[day]) for day in between)
    assert Checker(world.root).check().findings == []


@pytest.mark.slow
def test_killed_processes_leave_whole_tables(tmp_path):
    """SIGKILL, at many moments."""
    world, aggregates = asyncio.run(lived(tmp_path, range(1, 200)))
    chance = random.Random(1)
    for _ in range(12):
        words = [sys.executable, "-m", "telemetry_server.aggregates.update_process"]
        with subprocess.Popen(
            [*words, str(world.root.path)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        ) as process:
            process.stdin.write(b"\n")
            process.stdin.flush()
            time.sleep(chance.uniform(0.2, 1.2))
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        day_tables(world.root)
    aggregates.update()

    result = Checker(world.root).check()
    assert (result.findings, result.behind) == ([], [])


async def test_repeats_change_nothing(tmp_path):
    """Neither the same bytes again nor others under the same id."""
    world, aggregates = await lived(tmp_path)
    aggregates.update()
    before = day_tables(world.root)
    conflict = Main(1, "Z", 20, parent=exp({8: 99}, 999))
    await filled(world, [*(ping(number) for number in range(1, 30)), conflict])
    result = aggregates.update()

    assert result.days == []
    assert day_tables(world.root) == before


async def test_a_removed_state_is_made_again(tmp_path):
    """The aggregates are never the only place of a fact."""
    world, aggregates = await lived(tmp_path)
    aggregates.update()
    before = {path: path.read_bytes() for path in (world.root.state / "aggregates").rglob("*.summary")}
    shutil.rmtree(world.root.state / "aggregates")
    aggregates.update()

    assert {
        path: path.read_bytes() for path in (world.root.state / "aggregates").rglob("*.summary")
    } == before
    assert Checker(world.root).check().findings == []


@pytest.mark.parametrize("name", ["*.summary", "table.json"])
@pytest.mark.parametrize("place", [0.0, 0.5, 0.99])
async def test_a_changed_byte_is_found(tmp_path, name, place):
    """And the day is named."""
    world, aggregates = await lived(tmp_path, range(1, 6))
    aggregates.update()
    path = sorted((world.root.state / "aggregates").rglob(name))[0]
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1
    path.write_bytes(data)
    findings = Checker(world.root).check().findings

    assert not world.audit().balanced
    assert findings
    assert all(finding.startswith(path.parent.name) for finding in findings)


async def test_only_new_files_are_read_again(tmp_path):
    """A day is extended by the summaries of its new files."""
    world, aggregates = await lived(tmp_path, range(1, 30))
    aggregates.update()
    await filled(world, [ping(number) for number in (31, 32)])
    result = aggregates.update()

    assert result.summaries <= 3 * len(result.days)
    assert result.rows < 40


async def test_days_without_files_lose_their_table(tmp_path):
    """Nothing is left of a client whose pings were the day's only ones."""
    world = World(tmp_path)
    world.put_specs(REVISION, SPEC)
    await filled(world, [Main(1, "A", 20, parent=exp({8: 1}, 9))])
    aggregates = Aggregates(world)
    aggregates.update()
    forget(world, "A")
    aggregates.update()

    assert read_day_table(world.root, "20261120") is None
    assert not folder_of(world.root, "20261120").exists()
    assert day_tables(world.root) == {}
