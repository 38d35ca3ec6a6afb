"""Rows of stored records: each in the tables once, soon after its commit, whatever came between."""

import asyncio
import errno
import sqlite3
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.partitions.compact import compact_day
from storage.partitions.writer import Appended
from storage.tables.columns import TABLES, written_schema_of
from storage.tables.spilled_histograms import SpilledHistograms
from telemetry_server.coordinator import batch_planner, conversion_worker
from telemetry_server.tables import batch as batch_of_rows
from telemetry_server.tables import catch_up, keeper, line_reader
from telemetry_server.tables.row_collector import RowCollector
from tests.storage.tables.rows_of_each_table import one_ping
from tests.support.data_root import DAY, REVISION, World, a_ping, an_id, submitted
from tests.support.waiting import PATIENCE_SECONDS

NEXT_DAY = datetime(2026, 11, 23, 0, 0, 1, tzinfo=UTC)
SHORT_STEPS = pytest.mark.parametrize(
    "limit",
    [(catch_up, "STEP_BYTES", 300), (line_reader, "MOST_TEXT_TIMES", 1e-4)],
    ids=["few bytes", "little text"],
)


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.put_specs()
    return world


def without_tables(world):
    """Return *world* as a release without tables, or a server without PyArrow, converts."""
    world.setup = replace(world.setup, tables=False)
    return world


def with_tables(world):
    world.setup = replace(world.setup, tables=True)
    return world


def ids_of(world, table="pings"):
    return Counter(str(row["document_id"]) for row in world.table_rows(table))


def assert_complete(world, numbers):
    """Each of *numbers* is in the table ``pings`` once, with two histograms each."""
    assert ids_of(world) == Counter(an_id(number) for number in numbers)
    assert ids_of(world, "histograms") == Counter({an_id(number): 2 for number in numbers})
    assert world.untabled() == 0
    assert world.check_tables() == []
    assert world.audit().findings == []


async def test_convert_ends_with_every_record_in_the_tables(world):
    """Rows have what the record and its definitions say."""
    world.receive([submitted(a_ping(number), number) for number in range(60)])
    await world.convert(processes=2)

    assert_complete(world, range(60))
    rows = [row for row in world.table_rows("histograms") if row["document_id"] == UUID(an_id(9))]
    load, flag = sorted(rows, key=lambda row: row["metric"])
    assert (load["metric"], load["kind"], load["process"], load["label"]) == (
        "LOAD_MS",
        "exponential",
        "parent",
        "",
    )
    assert (load["starts"], load["counts"], load["sum"]) == ([3], [9 % 7 + 1], 5)
    assert (flag["starts"], flag["counts"], flag["build_id"]) == ([0], [1], "20140301030202")
    with Ledger.for_reading(world.root) as ledger:
        assert ledger.shapes()[flag["shape"]].starts == (0, 1, 2)


async def test_rows_of_a_file_are_sorted_by_metric(world):
    """A query for one metric reads few row groups."""
    world.receive([submitted(a_ping(number), number) for number in range(40)])
    await world.convert()

    metrics = [row["metric"] for row in world.table_rows("histograms")]
    assert metrics == sorted(metrics)


async def test_histograms_wait_on_disk_where_memory_has_too_many(world, monkeypatch):
    """One file of all their pings is written, and nothing else is left."""
    spilled = []

    class Noted(SpilledHistograms):
        def add(self, parts):
            spilled.append(super().add(parts))
            return spilled[-1]

    monkeypatch.setattr(batch_of_rows, "SpilledHistograms", Noted)
    monkeypatch.setattr(batch_of_rows, "SPILLED_AT_BYTES", 1)
    monkeypatch.setattr(batch_planner, "ROUND_ITEMS", 5)
    world.receive([submitted(a_ping(number), number) for number in range(40)])
    world.receive([submitted(a_ping(number), number, at=NEXT_DAY) for number in range(40, 43)])
    await world.convert()

    assert len(spilled) >= 8
    assert all(spilled)
    assert_complete(world, range(43))
    with Ledger.for_reading(world.root) as ledger:
        assert len(ledger.table_files("histograms", DAY)) == 1
    assert list((world.root.state / "tables-unfinished").iterdir()) == []


async def test_what_the_disk_refuses_while_histograms_wait_is_read_back(world, monkeypatch):
    """The rows are in the tables after the next run, once."""

    class Refusing(SpilledHistograms):
        def add(self, parts):
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(batch_of_rows, "SpilledHistograms", Refusing)
        patch.setattr(batch_of_rows, "SPILLED_AT_BYTES", 1)
        world.receive([submitted(a_ping(number), number) for number in range(20)])
        with pytest.raises(OSError, match="No space left"):
            await world.convert()
    await world.convert()

    assert_complete(world, range(20))


def space_of_waiting_rows() -> int:
    """Return how many files for waiting rows this process has open."""
    return sum(
        "tables-unfinished" in str(path.readlink())
        for path in Path("/proc/self/fd").iterdir()
        if path.is_symlink()
    )


async def test_a_disk_that_refuses_gets_the_space_of_waiting_rows_back(world, monkeypatch):
    """It may be full."""
    monkeypatch.setattr(batch_of_rows, "SPILLED_AT_BYTES", 1)
    stored = {0: ("converted/x", DAY)}
    with Ledger(world.root.ledger) as ledger:
        tables = keeper.TableKeeper(world.root, ledger, Disk(), lambda: None)
        tables.add([([one_ping()], stored)], [Appended("converted/x", "a", 0, 1)])
        await tables.advance()
        assert space_of_waiting_rows() == 1

        def refuse(self, parts):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(SpilledHistograms, "add", refuse)
        tables.add([([one_ping()], stored)], [Appended("converted/x", "a", 1, 2)])
        with pytest.raises(OSError, match="No space left"):
            await tables.advance()

        assert space_of_waiting_rows() == 0
        await tables.close()


async def test_conversion_waits_where_many_rows_wait_for_the_tables(world, monkeypatch):
    """However slowly files are written, memory holds the rows of few rounds."""
    pings, prepare = [], keeper.prepare

    def slow(batch, *arguments):
        pings.append(batch.pings)
        time.sleep(0.2)
        return prepare(batch, *arguments)

    monkeypatch.setattr(keeper, "prepare", slow)
    monkeypatch.setattr(batch_of_rows, "MAX_BYTES", 1)
    monkeypatch.setattr(batch_planner, "ROUND_ITEMS", 5)
    world.receive([submitted(a_ping(number), number) for number in range(40)])
    await world.convert()

    assert max(pings) <= 10
    assert_complete(world, range(40))


@pytest.mark.parametrize("place", ["a scalar", "a label", "an event", "a session id"])
def test_a_batch_of_long_texts_is_full_soon(place):
    """Memory holds a few MiB of texts, however long the texts of clients are."""
    batch = batch_of_rows.Batch()
    for number in range(6):
        rows = one_ping()
        text = f"{number}" + "x" * (1 << 20)
        if place == "a scalar":
            rows.scalars.words.append(text)
        elif place == "a label":
            rows.scalars.scalar_keys.append(("metric", "parent", text, "scalar"))
        elif place == "an event":
            rows.events.append((0, "", None, "category", "method", None, None, (("key", text),), None))
        else:
            rows.pings.words.append(text)
        batch.add_rows(rows, ["20261129"])
        assert batch.is_full() == (number >= 3)


async def test_a_part_of_a_batch_is_written_beside_the_last_round(world, monkeypatch):
    """After that round only its own rows are left to write."""
    pings, prepare = [], keeper.prepare

    def noted(batch, *arguments):
        pings.append(batch.pings)
        return prepare(batch, *arguments)

    monkeypatch.setattr(keeper, "prepare", noted)
    monkeypatch.setattr(batch_of_rows, "MAX_BYTES", 2 * 40 * batch_of_rows.PING_BYTES)
    monkeypatch.setattr(batch_planner, "ROUND_ITEMS", 5)
    world.receive([submitted(a_ping(number), number) for number in range(38)])
    await world.convert()

    assert pings == [35, 3]
    assert_complete(world, range(38))


async def test_duplicates_have_no_rows(world):
    """Neither those of one round nor those of another; a conflict has none either."""
    world.receive([submitted(a_ping(1), 1), submitted(a_ping(1), 1), submitted(a_ping(2), 2)])
    await world.convert()
    world.receive([submitted(a_ping(1, other=True), 1), submitted(a_ping(2), 2), submitted(a_ping(3), 3)])
    await world.convert()

    assert_complete(world, (1, 2, 3))


async def test_pings_of_two_days_are_in_the_files_of_their_days(world):
    """The day is that of arrival."""
    world.receive([submitted(a_ping(1), 1)])
    world.receive([submitted(a_ping(2), 2, at=NEXT_DAY), submitted(a_ping(2), 2, at=NEXT_DAY)])
    await world.convert()

    with Ledger.for_reading(world.root) as ledger:
        assert {file.day: file.rows for file in ledger.table_files("pings")} == {DAY: 1, "20261123": 1}
    assert_complete(world, (1, 2))


async def test_a_ping_that_waited_for_definitions_gets_its_rows_when_it_is_stored(tmp_path):
    """Pending pings have none."""
    waiting = World(tmp_path, server="http://127.0.0.1:9")
    waiting.receive([submitted(a_ping(1), 1)])
    assert (await waiting.convert()).pending == 1
    assert waiting.table_rows("pings") == []
    world = World(tmp_path)
    world.put_specs()

    assert (await world.convert()).pending == 0

    assert_complete(world, (1,))


async def test_replay_ends_with_its_records_in_the_tables(tmp_path):
    """Rows of what stays in quarantine are not made."""
    world = World(tmp_path)
    world.receive([submitted(a_ping(number), number) for number in range(3)])
    world.receive([submitted(b"{broken", 7)])
    await world.convert()
    assert world.table_rows("pings") == []
    world.put_specs()

    assert (await world.replay()).stored == 3

    assert_complete(world, range(3))


@SHORT_STEPS
async def test_a_data_root_without_tables_is_brought_up(world, monkeypatch, limit):
    """In steps of a few lines, and what arrives meanwhile is there once."""
    monkeypatch.setattr(*limit)
    without_tables(world)
    for first in range(0, 40, 10):
        world.receive([submitted(a_ping(number), number) for number in range(first, first + 10)])
        await world.convert()
    assert world.table_rows("pings") == []
    with sqlite3.connect(world.root.ledger) as connection:
        for table in ("table_files", "tabled", "shapes"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("PRAGMA user_version = 2")
    with Ledger.for_reading(world.root) as ledger:
        assert (ledger.table_files(), ledger.shapes()) == ([], {})
        assert sum(file.length - file.tabled for file in ledger.tabled()) > 0
    world.receive([submitted(a_ping(number), number) for number in range(40, 60)])

    await with_tables(world).convert()

    assert_complete(world, range(60))


@SHORT_STEPS
async def test_what_is_read_back_in_steps_is_written_into_one_file(world, monkeypatch, limit):
    """A damaged file between the steps costs only its own rows."""
    monkeypatch.setattr(*limit)
    for number in range(12):
        world.receive([submitted(a_ping(number), number)])
        world.receive([submitted(a_ping(100 + number), 100 + number, at=NEXT_DAY)])
        await without_tables(world).convert()
    damaged = next((world.root.path / "converted/20261123").rglob("*.zst"))
    damaged.write_bytes(bytes(damaged.stat().st_size))

    await with_tables(world).convert()

    assert ids_of(world) == Counter(an_id(number) for number in range(12))
    assert ids_of(world, "histograms") == Counter({an_id(number): 2 for number in range(12)})
    with Ledger.for_reading(world.root) as ledger:
        assert [file.rows for file in ledger.table_files("pings")] == [12]


async def test_records_of_a_task_with_too_much_text_are_read_back(world, monkeypatch):
    """The texts of many tasks would wait in memory; a task with less keeps its rows."""
    monkeypatch.setattr(batch_planner, "TASK_ITEMS", 5)
    steps = []

    def counted(*arguments):
        steps.append(arguments)
        return line_reader.read_back(*arguments)

    monkeypatch.setattr(catch_up, "read_back", counted)
    world.receive([submitted(a_ping(number), number) for number in range(10)])
    await world.convert()
    assert steps == []
    monkeypatch.setattr(conversion_worker, "MAX_BYTES_WITH_ROWS", 2 * len(a_ping(0)))
    for first in range(10, 100, 30):
        world.receive([submitted(a_ping(number), number) for number in range(first, first + 30)])
        await world.convert()

    assert steps != []
    assert_complete(world, range(100))


async def test_reading_back_goes_on_where_it_was_broken_off(world):
    """The position is in the commit of the rows."""
    without_tables(world)
    for first in range(0, 30, 10):
        world.receive([submitted(a_ping(number), number) for number in range(first, first + 10)])
        await world.convert()
    stops = iter([False] * 6 + [True] * 100)
    async with AsyncExitStack() as stack:
        converter = await with_tables(world).opened(stack)
        await converter.finish_tables(should_stop=lambda: next(stops))
    assert world.check_tables() == []

    await world.convert()

    assert_complete(world, range(30))


async def test_rows_wait_until_they_are_due_and_conversion_does_not_wait_for_them(world):
    """At rest a few seconds; the clock is handed in."""
    now = [100.0]
    async with AsyncExitStack() as stack:
        converter = await world.opened(stack)
        converter.tables._clock = lambda: now[0]
        await converter.finish_tables()
        world.receive([submitted(a_ping(1), 1)])
        await converter.convert_waiting()
        assert world.table_rows("pings") == []
        assert 0 < converter.tables.due_in() <= keeper.SECONDS_AT_REST
        now[0] += keeper.SECONDS_AT_REST
        async with asyncio.timeout(PATIENCE_SECONDS):
            while converter.tables.has_work():
                await converter.convert_waiting()
                await converter.tables.wait()
        assert converter.tables.due_in() is None

    assert_complete(world, (1,))


async def test_two_converters_put_each_record_into_the_tables_once(world):
    """Each finds what the other did, and drops what it had prepared in vain."""
    async with AsyncExitStack() as stack:
        first, second = await world.opened(stack), await world.opened(stack)
        for start in range(0, 60, 10):
            world.receive([submitted(a_ping(number), number) for number in range(start, start + 10)])
            await (first, second)[start // 10 % 2].convert_waiting()
        await asyncio.gather(first.finish_tables(), second.finish_tables())
        world.receive([submitted(a_ping(number), number) for number in range(60, 90)])
        await asyncio.gather(first.convert_all(), second.convert_all())

    assert_complete(world, range(90))


async def test_compaction_of_lines_keeps_what_is_in_the_tables_apart(world):
    """Half of each file is in the tables: after the merge exactly the other half is read back."""
    for first in (0, 20):
        world.receive([submitted(a_ping(number), number) for number in range(first, first + 10)])
        await with_tables(world).convert()
        world.receive([submitted(a_ping(number), number) for number in range(first + 10, first + 20)])
        await without_tables(world).convert()
        with Ledger(world.root.ledger) as ledger, ledger.transaction() as transaction:
            for file in ledger.files():
                transaction.put_file(replace(file, closed=True))
    behind = world.untabled()
    with Ledger(world.root.ledger) as ledger:
        assert list(compact_day(world.root.path, ledger, Disk(), DAY))
    assert 0 < world.untabled() != behind
    assert world.check_tables() == []

    await with_tables(world).convert()

    assert_complete(world, range(40))


async def test_a_compaction_of_lines_while_rows_are_on_their_way_doubles_nothing(world):
    """The file that the rows are of is gone: they are read back from the merged one."""
    async with AsyncExitStack() as stack:
        converter = await world.opened(stack)
        await converter.finish_tables()
        world.receive([submitted(a_ping(number), number) for number in range(10)])
        await converter.convert_waiting()
        with Ledger(world.root.ledger) as ledger, ledger.transaction() as transaction:
            for file in ledger.files():
                transaction.put_file(replace(file, frames=100))  # so it is worth merging
        with Ledger(world.root.ledger) as ledger:
            assert list(compact_day(world.root.path, ledger, Disk(), DAY))
        await converter.convert_all()

    assert_complete(world, range(10))


async def test_parts_of_an_open_day_are_merged_when_they_are_many(world, monkeypatch):
    """Queries slow down with the number of files."""
    monkeypatch.setattr(keeper, "MAX_OPEN_DAY_PARTS", 4)
    for number in range(12):
        world.receive([submitted(a_ping(number), number)])
        await world.convert()
        with Ledger.for_reading(world.root) as ledger:
            assert len(ledger.table_files("pings")) <= 5

    assert_complete(world, range(12))
    assert list((world.root.state / "tables-unfinished").iterdir()) == []


async def test_a_record_that_cannot_be_read_costs_its_own_rows_only(world, monkeypatch):
    """Conversion and reading back agree on it."""
    add = RowCollector.add

    def failing(self, text, *rest):
        add(self, text, *rest)
        if an_id(2).encode() in text:
            raise ValueError("no such luck")

    monkeypatch.setattr(RowCollector, "add", failing)
    world.receive([submitted(a_ping(number), number) for number in range(4)])
    await world.convert()

    assert ids_of(world) == Counter(an_id(number) for number in (0, 1, 3))
    assert world.check_tables() == []
    assert len(world.lines()) == 4


async def test_a_lone_surrogate_in_a_text_is_replaced(world, monkeypatch):
    """PyArrow writes UTF-8 only."""
    from telemetry_server.tables import column_collectors

    fields_of = column_collectors.fields_of
    monkeypatch.setattr(column_collectors, "IS_COMPILED", False)
    monkeypatch.setattr(
        column_collectors, "fields_of", lambda record: fields_of(record)._replace(build_id="a\ud800")
    )
    world.receive([submitted(a_ping(1), 1)])
    await world.convert()

    assert [row["build_id"] for row in world.table_rows("pings")] == ["a?"]


@pytest.mark.parametrize("harm", ["gone", "other rows", "garbage"])
async def test_check_and_audit_see_a_part_file_that_was_harmed(world, harm):
    """And a rebuild mends it."""
    import pyarrow.parquet as pq

    from telemetry_server.tables.rebuild import Rebuilder

    world.receive([submitted(a_ping(number), number) for number in range(5)])
    await world.convert()
    (path,) = world.root.path.glob("tables/histograms/*/*.parquet")
    if harm == "gone":
        path.unlink()
    elif harm == "garbage":
        path.write_bytes(b"no parquet")
    else:
        rows = pq.read_table(path)
        sums = rows.set_column(rows.column_names.index("sum"), "sum", [[7] * rows.num_rows])
        pq.write_table(sums.cast(rows.schema), path, store_schema=False)

    (finding, *_) = world.check_tables()

    assert "histograms" in finding
    assert world.audit().findings != []
    with Ledger(world.root.ledger) as ledger:
        rebuilder = Rebuilder(world.root, ledger, Disk(), world.setup.definition_finder)
        assert rebuilder.rebuild_day(DAY) == 15
    assert_complete(world, range(5))


async def rebuilt(world, *tables):
    """Rebuild *tables* of the day; return the numbers of pings that histograms name."""
    from telemetry_server.tables.rebuild import Rebuilder

    with Ledger(world.root.ledger) as ledger:
        Rebuilder(world.root, ledger, Disk(), world.setup.definition_finder).rebuild_day(DAY, tables)
    return {row["ping"] for row in world.table_rows("histograms")}


async def test_a_rebuild_without_pings_keeps_their_numbers(world):
    """Rows of other tables name pings by number; a rebuild of all numbers them anew."""
    for first in (0, 5):
        world.receive([submitted(a_ping(number), number) for number in range(first, first + 5)])
        await world.convert()
    numbers = {row["ping"] for row in world.table_rows("pings")}

    assert await rebuilt(world, "histograms") == numbers
    assert_complete(world, range(10))
    assert not await rebuilt(world, "pings", "histograms", "scalars", "events") & numbers
    assert_complete(world, range(10))


EVENTS = [
    [1, "uptake.remotecontent.result", "uptake", "normandy", "success", {"source": "normandy/runner"}],
    [2, "normandy", "enroll", "preference_study", "a-study", {"branch": "control"}],
]


@pytest.mark.parametrize("table", TABLES)
async def test_a_rebuild_of_one_table_leaves_no_row_without_its_ping(world, table):
    """Uptake and enrolments name their pings by number, too."""
    world.receive([submitted(a_ping(number, events=EVENTS), number) for number in range(4)])
    await world.convert()
    assert {table for table in TABLES if world.table_rows(table)} == set(TABLES) - {"scalars"}

    await rebuilt(world, table)

    assert_complete(world, range(4))
    assert ids_of(world, "uptake") == ids_of(world, "enrollments") == ids_of(world)


@pytest.mark.parametrize("harm", ["garbage", "another ping"])
async def test_a_rebuild_without_pings_writes_all_where_numbers_are_lost(world, harm):
    """No row may name a ping that is not there."""
    import pyarrow.parquet as pq

    world.receive([submitted(a_ping(number), number) for number in range(5)])
    await world.convert()
    (path,) = world.root.path.glob("tables/pings/*/*.parquet")
    rows = pq.read_table(path)
    if harm == "garbage":
        path.write_bytes(b"no parquet")
    else:
        ids = rows["document_id"].take([1, 1, 2, 3, 4])
        pq.write_table(rows.set_column(0, "document_id", ids), path, store_schema=False)
    assert world.check_tables() != []

    await rebuilt(world, "histograms")

    assert_complete(world, range(5))


async def test_tables_of_the_earlier_layout_are_made_anew(world):
    """The upgrade of the ledger forgets them, and the next conversion reads the records back."""
    world.receive([submitted(a_ping(number), number) for number in range(5)])
    await world.convert()
    old = list(world.root.path.glob("tables/*/*/*.parquet"))
    with sqlite3.connect(world.root.ledger) as connection:
        connection.execute("PRAGMA user_version = 2")
    with Ledger.for_reading(world.root) as ledger:
        assert (ledger.table_files(), ledger.shapes()) == ([], {})
        assert sum(file.length - file.tabled for file in ledger.tabled()) > 0
    assert world.audit().findings == []
    world.receive([submitted(a_ping(number), number) for number in range(5, 8)])

    await world.convert()

    assert_complete(world, range(8))
    assert not any(path.exists() for path in old)


async def test_audit_names_a_file_that_the_ledger_does_not_know(world):
    """Readers ignore it."""
    world.receive([submitted(a_ping(1), 1)])
    await world.convert()
    stray = world.root.path / "tables/pings/20261122/mine.parquet"
    stray.write_bytes(b"x")

    [finding] = world.audit().findings
    assert finding.startswith("tables/pings/20261122/mine.parquet: the ledger does not know this file")


async def test_a_failing_disk_leaves_the_rows_to_be_read_back(world):
    """A flush that fails changes nothing for readers."""

    class FullDisk(Disk):
        fails = False

        def rename(self, source, target):
            if self.fails and target.suffix == ".parquet":
                raise OSError(28, "No space left on device")
            super().rename(source, target)

    disk = FullDisk()
    world.receive([submitted(a_ping(number), number) for number in range(5)])
    async with AsyncExitStack() as stack:
        converter = await world.opened(stack, disk=disk)
        disk.fails = True
        with pytest.raises(OSError, match="No space"):
            await converter.convert_all()
        assert len(world.lines()) == 5
        assert world.table_rows("pings") == []
        disk.fails = False
        await converter.convert_all()

    assert_complete(world, range(5))


def test_every_table_has_a_column_for_what_the_contract_names():
    """Names are fixed for users."""
    names = set(written_schema_of("histograms").names)

    assert {"ping", "submission_date", "metric", "process", "label", "kind", "starts"} <= names
    assert {"counts", "shape", "sum", "application", "channel", "version"} <= names
    assert REVISION
