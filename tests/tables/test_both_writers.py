"""A data root whose tables were written with and without a C compiler."""

from collections import Counter

import pyarrow.parquet as pq
import pytest

from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.tables.columns import TABLES
from storage.tables.compiled import bucket_lists, page_bodies
from telemetry_server.analysis import connect
from telemetry_server.tables.rebuild import Rebuilder
from tests.support.data_root import DAY, World, a_ping, an_id, submitted

pytestmark = pytest.mark.skipif(not page_bodies.IS_COMPILED, reason="built without a C compiler")

PINGS = 6
MEASUREMENTS = {"a.number": 7, "a.text": "seven", "a.switch": True}
EVENTS = [
    [1, "uptake.remotecontent.result", "uptake", "normandy", "success", {"source": "normandy/runner"}],
    [2, "normandy", "enroll", "preference_study", "a-study", {"branch": "control"}],
]


def compile_writer(monkeypatch, is_compiled: bool) -> None:
    """Write tables with the compiled writer, or with PyArrow's."""
    monkeypatch.setattr(page_bodies, "IS_COMPILED", is_compiled)
    monkeypatch.setattr(bucket_lists, "IS_COMPILED", is_compiled)


@pytest.fixture
async def world(tmp_path, monkeypatch):
    """Each table has a file of each writer, of the same day."""
    world = World(tmp_path)
    world.put_specs()
    for first, is_compiled in ((0, True), (PINGS // 2, False)):
        compile_writer(monkeypatch, is_compiled)
        numbers = range(first, first + PINGS // 2)
        pings = [a_ping(number, events=EVENTS, scalars=MEASUREMENTS) for number in numbers]
        world.receive(submitted(ping, number) for ping, number in zip(pings, numbers, strict=True))
        await world.convert()
    return world


def writers_of(world, table: str) -> set[str]:
    """Return the programs that wrote the files of *table*, as their footers name them."""
    paths = (world.root.path / "tables" / table / DAY).iterdir()
    return {pq.read_metadata(path).created_by.split()[0] for path in paths}


def counted_rows(world) -> dict[str, int]:
    """Return how many rows a question finds in each table."""
    with connect(world.root.path) as connection:
        return {table: connection.sql(f"SELECT count(*) FROM {table}").fetchall()[0][0] for table in TABLES}


def assert_complete(world) -> None:
    """Every row is in its table once, and no check finds a difference."""
    assert world.check_tables() == []
    assert world.audit().findings == []
    ids = {an_id(number) for number in range(PINGS)}
    counts = {"histograms": 2, "scalars": len(MEASUREMENTS), "events": len(EVENTS)}
    for table in TABLES:
        rows = Counter(str(row["document_id"]) for row in world.table_rows(table))
        assert rows == dict.fromkeys(ids, counts.get(table, 1)), table
    assert counted_rows(world) == {table: PINGS * counts.get(table, 1) for table in TABLES}


@pytest.mark.parametrize("is_compiled", [True, False])
async def test_the_files_of_either_writer_are_checked_beside_those_of_the_other(
    world, monkeypatch, is_compiled
):
    """The check reads files of both, whatever writes the next one."""
    assert {len(writers_of(world, table)) for table in TABLES} == {2}
    compile_writer(monkeypatch, is_compiled)

    assert_complete(world)


@pytest.mark.parametrize("table", [None, *TABLES])
@pytest.mark.parametrize("is_compiled", [True, False])
async def test_either_writer_rebuilds_what_both_wrote(world, monkeypatch, is_compiled, table):
    """All tables, and one of them beside files of both that stay."""
    compile_writer(monkeypatch, is_compiled)
    tables = TABLES if table is None else [table]

    with Ledger(world.root.ledger) as ledger:
        Rebuilder(world.root, ledger, Disk(), world.setup.definition_finder).rebuild_day(DAY, tables)

    assert all(len(writers_of(world, name)) == 1 for name in tables)
    assert_complete(world)


@pytest.mark.parametrize("gone", [0, 1])
async def test_a_file_that_is_gone_is_missed_and_rebuilt_beside_one_of_the_other_writer(world, gone):
    """Whichever of the two wrote it."""
    path = sorted((world.root.path / "tables" / "histograms" / DAY).iterdir())[gone]
    path.unlink()

    assert any(str(path.name) in finding for finding in world.check_tables())
    with Ledger(world.root.ledger) as ledger:
        Rebuilder(world.root, ledger, Disk(), world.setup.definition_finder).rebuild_day(DAY, ["histograms"])
    assert_complete(world)
