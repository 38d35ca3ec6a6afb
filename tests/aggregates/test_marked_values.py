"""Values that break their definition are in the tables with a mark, and in no answer about a measurement."""

import asyncio
from collections import Counter

import orjson
import pyarrow.parquet as pq
import pytest

from histogram_specs.cache.revision_cache import RevisionCache
from storage.ledger.ledger import Ledger
from storage.tables.columns import MARK, SORT_ORDER
from storage.tables.merging import merged_rows
from storage.tables.reading import PartReader
from telemetry_server.aggregates.counted_rows import counted_batches
from tests.aggregates.canonical import day_tables
from tests.aggregates.old_client import OldClient
from tests.aggregates.pings import (
    EXPONENTIAL,
    REVISION,
    SPEC,
    TYPES,
    Aggregates,
    Main,
    exp,
    filled,
    histogram,
)
from tests.reports.reports_server import running_reports
from tests.support.data_root import World

BROKEN = {
    "OLD": {"expires_in_version": "40"},
    "SIDE": {"record_into_store": ["side-store"]},
    "CHILDREN": {"record_in_processes": ["all_children"]},
    "LISTED": {"keyed": True, "keys": ["rake"]},
}
DEFINED = {
    **SPEC,
    **{
        name: {**EXPONENTIAL, "description": name, "expires_in_version": "never", **more}
        for name, more in BROKEN.items()
    },
}


def _shared(**more: object) -> dict:
    return {
        "bug_numbers": [1],
        "description": "A probe.",
        "notification_emails": ["gardeners@example.org"],
        "record_in_processes": ["main"],
        "release_channel_collection": "opt-out",
        **more,
    }


SCALARS = {
    "garden": {
        "rain": _shared(kind="uint", expires="never"),
        "old": _shared(kind="uint", expires="40"),
        "tools": _shared(kind="uint", expires="never", keyed=True, keys=["rake"]),
    }
}
EVENTS = {
    "gate": {
        "open": _shared(objects=["latch"], expiry_version="never"),
        "shut": _shared(objects=["latch"], expiry_version="40"),
    }
}


def sent(name: str, start: int = 8) -> dict:
    """Return a histogram with one value, as clients send it."""
    TYPES.setdefault(name, TYPES["EXP"])
    return histogram(name, {start: 1}, start)


PING = Main(
    1,
    "A",
    20,
    parent={**exp({8: 1}, 8), "OLD": sent("OLD"), "SIDE": sent("SIDE"), "CHILDREN": sent("CHILDREN")},
    experiments={"tulips": "red"},
    payload={
        "keyedHistograms": {"LISTED": {"rake": sent("LISTED"), "spade": sent("LISTED")}},
        "processes": {
            "parent": {
                "scalars": {"garden.rain": 3, "garden.old": 4, "garden.snails": 5},
                "keyedScalars": {"garden.tools": {"rake": 2, "spade": 7}},
                "events": [[1, "gate", "open", "latch"], [2, "gate", "shut", "latch"], [3, "gate", "x", "y"]],
            },
            "content": {"histograms": {"CHILDREN": sent("CHILDREN")}, "scalars": {"garden.rain": 9}},
            "dynamic": {"scalars": {"addon.size": -1}},
            "main": {"scalars": {"garden.rain": 1}, "events": [[4, "gate", "open", "latch"]]},
        },
    },
)
# The wrong kinds of one scalar, a ping each.
WRONG = [
    Main(number, "B", 20, payload={"processes": {"parent": {"scalars": {"garden.rain": value}}}})
    for number, value in enumerate((True, -1, 1.5, "7", 2**32), 2)
]
EXPECTED = {
    "histograms": {
        ("EXP", "parent", ""): None,
        ("OLD", "parent", ""): "expired_metric",
        ("SIDE", "parent", ""): "wrong_store",
        ("CHILDREN", "parent", ""): "wrong_process",
        ("CHILDREN", "content", ""): None,
        ("LISTED", "parent", "rake"): None,
        ("LISTED", "parent", "spade"): "key_not_allowed",
    },
    "scalars": {
        ("garden.rain", "parent", ""): None,
        ("garden.old", "parent", ""): "expired_metric",
        ("garden.snails", "parent", ""): "unknown_metric",
        ("garden.tools", "parent", "rake"): None,
        ("garden.tools", "parent", "spade"): "key_not_allowed",
        ("garden.rain", "content", ""): "wrong_process",
        ("addon.size", "dynamic", ""): "wrong_kind",
        ("garden.rain", "main", ""): "unknown_process",
    },
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A data root with aggregates over the pings."""
    found = World(tmp_path_factory.mktemp("marked"))
    found.put_specs(REVISION, DEFINED)
    folder = RevisionCache(found.root.specs).path_of(REVISION).parent
    # JSON is YAML.
    (folder / "Scalars.yaml").write_bytes(orjson.dumps(SCALARS))
    (folder / "Events.yaml").write_bytes(orjson.dumps(EVENTS))
    asyncio.run(filled(found, [PING, *WRONG]))
    Aggregates(found).update()
    return found


def marks_in(world: World, table: str) -> dict:
    """Return the marks of the first ping's values."""
    rows = [row for row in world.table_rows(table) if str(row["document_id"]) == PING.document_id]
    return {(row["metric"], row["process"], row["label"]): row[MARK] for row in rows}


def test_every_value_is_in_the_tables_with_its_mark(world):
    """A mark names one reason for which the value does not count."""
    assert marks_in(world, "histograms") == EXPECTED["histograms"]
    assert marks_in(world, "scalars") == EXPECTED["scalars"]
    events = {(row["process"], row["method"]): row[MARK] for row in world.table_rows("events")}
    assert events == {
        ("parent", "open"): None,
        ("parent", "shut"): "expired_metric",
        ("parent", "x"): "unknown_metric",
        ("main", "open"): "unknown_process",
    }
    rain = [row for row in world.table_rows("scalars") if str(row["document_id"]) != PING.document_id]
    assert Counter(row[MARK] for row in rain) == {"wrong_kind": 4, "uint_range": 1}


def test_answers_leave_marked_values_out(world):
    """By build, by branch and by client; a metric that is only marked has no row."""
    aggregates = Aggregates(world)

    for weight in ("samples", "clients"):
        for metric, pings in {"EXP": 1, "LISTED": 1, "SCALARS_GARDEN.RAIN": 1, "OLD": 0, "SIDE": 0}.items():
            rows = aggregates.answer(metric, weight=weight)["rows"]
            assert [row["pings"] for row in rows] == [pings] * bool(pings), metric
            assert [row["instances"] for row in rows] == [1] * len(rows), metric
    assert aggregates.row("20261118", "CHILDREN")["instances"] == 1
    assert aggregates.answer("CHILDREN", process="parent")["rows"] == []
    assert aggregates.answer("LISTED", label="spade")["rows"] == []
    (row,) = aggregates.answer("LISTED", by="branch", experiment="tulips")["rows"]
    assert (row["group"], row["instances"]) == ("red", 1)


async def test_the_apis_leave_marked_values_out(world):
    """The old service does not list them either."""
    async with running_reports(world.setup) as reports:
        old = OldClient(reports)
        filters = await old.json("/filters/?channel=nightly&version=42")
        rain = await old.histograms("build_id", "nightly", "42", ["20261118"], "SCALARS_GARDEN.RAIN")
        expired = await reports.get("/api/v1/histogram?metric=OLD")

    assert sorted(filters["metric"]) == [
        *("CHILDREN", "EXP", "LISTED", "SCALARS_GARDEN.RAIN", "SCALARS_GARDEN.TOOLS"),
    ]
    assert [(entry["count"], entry["sum"]) for entry in rain["data"]] == [(1, 3)]
    assert expired.status == 200
    assert expired.json()["rows"] == []


def test_sql_sees_all_values_and_their_marks(world, command):
    """Who wants what counts asks for rows without a mark."""
    statement = (
        "SELECT mark, count(*) AS n FROM scalars WHERE metric = 'garden.rain' GROUP BY ALL ORDER BY ALL"
    )
    out, _ = command("sql", statement, "--format", "json", "--data", str(world.root.path))

    assert {row["mark"]: row["n"] for row in orjson.loads(out)} == {
        "uint_range": 1,
        "unknown_process": 1,
        "wrong_kind": 4,
        "wrong_process": 1,
        None: 1,
    }


def test_rebuilt_tables_have_the_same_marks(world, command):
    """They are in the records: the definitions of scalars are not asked again."""
    before, summed = {table: rows_of(world, table) for table in SORT_ORDER}, day_tables(world.root)
    file = RevisionCache(world.root.specs).path_of(REVISION).parent / "Scalars.yaml"
    text = file.read_bytes()
    file.unlink()
    try:
        command("tables", "rebuild", "--data", str(world.root.path))
    finally:
        file.write_bytes(text)

    assert {table: rows_of(world, table) for table in SORT_ORDER} == before
    assert world.check_tables() == []
    Aggregates(world).update()
    assert day_tables(world.root) == summed


def rows_of(world: World, table: str) -> list[str]:
    return sorted(str({**row, "ping": 0}) for row in world.table_rows(table))


@pytest.mark.parametrize("table", ["histograms", "scalars", "events"])
def test_all_values_of_a_file_without_marks_count(world, tmp_path, table):
    """An older server wrote it; it can be merged with a file of today."""
    with Ledger.for_reading(world.root) as ledger:
        (file,) = ledger.table_files(table)
    today = world.root.path / file.path
    older = tmp_path / "older.parquet"
    rows = pq.read_table(today)
    pq.write_table(rows.drop_columns([MARK]), older)

    if table != "events":
        with PartReader(table, older) as part:
            counted = sum(batch.num_rows for batch in counted_batches(part, ("metric",), 1000))
        assert counted == rows.num_rows
    merged = [batch.column(MARK).to_pylist() for batch in merged_rows(table, [today, older])]
    marks = Counter(mark for batch in merged for mark in batch)
    of_today = Counter(rows.column(MARK).to_pylist())
    assert marks == of_today + Counter({None: rows.num_rows})


async def test_files_of_an_older_server_are_checked_queried_and_merged(tmp_path, command):
    """Their values count, beside those of newer files."""
    world = World(tmp_path)
    world.put_specs(REVISION, SPEC)
    await filled(world, [Main(1, "A", 20, parent=exp({8: 1}, 8), scalars={"garden.rain": 3})])
    with Ledger.for_reading(world.root) as ledger:
        files = [file for file in ledger.table_files() if file.table in ("histograms", "scalars")]
    for file in files:
        path = world.root.path / file.path
        pq.write_table(pq.read_table(path).drop_columns([MARK]), path)
    older = Aggregates(world)
    older.update()
    assert world.check_tables() == []
    assert older.row("20261118")["instances"] == 1

    await filled(world, [Main(2, "B", 20, parent=exp({8: 1}, 8), scalars={"garden.rain": 4})])
    command("compact", "--data", str(world.root.path))
    statement = "SELECT metric, mark FROM scalars UNION ALL SELECT metric, mark FROM histograms"
    out, _ = command("sql", statement, "--format", "json", "--data", str(world.root.path))
    older.update()

    assert Counter((row["metric"], row["mark"]) for row in orjson.loads(out)) == {
        ("garden.rain", None): 2,
        ("EXP", None): 2,
    }
    assert world.check_tables() == []
    assert older.row("20261118")["instances"] == 2
