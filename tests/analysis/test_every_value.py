"""Every value of every table, by three readers of the Parquet files, against plain Python."""

import asyncio
from collections import Counter
from datetime import date
from uuid import UUID

import polars as pl
import pyarrow.compute as pc
import pytest

from telemetry_server import analysis
from tests.analysis.conftest import PINGS, TableWorld
from tests.analysis.pings import converted_world
from tests.analysis.plain_reading import Reading, read
from tests.support.sizes import IS_FULL

READERS = ("duckdb", "polars", "pyarrow")


@pytest.fixture(scope="module", params=[PINGS, 3000] if IS_FULL else [PINGS])
def many(request, table_world, tmp_path_factory) -> tuple[TableWorld, Reading]:
    """Pings of every kind; ``make full`` has more."""
    world = table_world
    if request.param != PINGS:
        world = TableWorld(*asyncio.run(converted_world(tmp_path_factory.mktemp("many"), request.param)))
    return world, read(world.root, world.records())


@pytest.fixture
def column_rows(many, use_catalogue):
    """Rows of some columns of a table by one reader: ids as text, lists as lists."""
    use_catalogue(many[0].tables.catalogue)

    def rows(reader: str, table: str, *columns: str) -> list[tuple]:
        with analysis.connect(many[0].root.path) as tables:
            if reader == "duckdb":
                return tables.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
            if reader == "polars":
                frame = tables.lazy_frame(table)
                if table != "pings":
                    ids = tables.lazy_frame("pings").select("ping", "document_id", "client_id")
                    frame = frame.join(ids, on="ping", how="left")
                frame = frame.select(columns).collect()
                return [tuple(_plain(value) for value in row) for row in frame.rows()]
            found = tables.dataset(table).to_table()
            if table != "pings":
                pings = tables.dataset("pings").to_table(columns=["ping", "document_id"])
                ids = pings["document_id"].take(pc.index_in(found["ping"], pings["ping"]))
                found = found.append_column("document_id", ids)
            return [tuple(_plain(row[column]) for column in columns) for row in found.to_pylist()]

    return rows


def _plain(value):
    if isinstance(value, bytes):
        return str(UUID(bytes=value))
    return str(value) if isinstance(value, UUID) else value


@pytest.mark.parametrize("reader", READERS)
def test_every_ping_has_its_row(many, column_rows, reader):
    """Once, with the dimensions of its record; duplicates and refused pings have none."""
    columns = ("document_id", "submission_date", "namespace", "doctype", "client_id", "application")
    columns += ("channel", "version", "build_id", "os", "revision", "profile_subsession_counter")

    rows = column_rows(reader, "pings", *columns)

    assert Counter(rows) == Counter(
        (
            p["document_id"],
            date.fromisoformat(p["date"]),
            p["namespace"],
            p["doctype"],
            p["client_id"],
            p["application"],
            p["channel"],
            p["version"],
            p["build_id"],
            p["os"],
            p["revision"],
            p["counter"],
        )
        for p in many[1].pings
    )


@pytest.mark.parametrize("reader", READERS)
def test_every_histogram_has_its_row(many, column_rows, reader):
    """With every start, count and sum; dropped histograms have none."""
    columns = ("document_id", "metric", "process", "label", "starts", "counts", "sum", "version")

    rows = column_rows(reader, "histograms", *columns)

    assert Counter((*row[:4], tuple(row[4]), tuple(row[5]), *row[6:]) for row in rows) == Counter(
        (
            h.ping["document_id"],
            h.metric,
            h.process,
            h.label,
            tuple(sorted(h.buckets)),
            tuple(h.buckets[start] for start in sorted(h.buckets)),
            h.sum,
            h.ping["version"],
        )
        for h in many[1].histograms
    )


@pytest.mark.parametrize("reader", READERS)
def test_every_scalar_has_its_row(many, column_rows, reader):
    """In the column of its type."""
    columns = (
        "document_id",
        "metric",
        "process",
        "label",
        "kind",
        "value_number",
        "value_text",
        "value_boolean",
    )
    rows = column_rows(reader, "scalars", *columns)

    assert Counter((*row[:4], *row[5:]) for row in rows) == Counter(
        (ping["document_id"], metric, process, label, *_typed(value))
        for ping, metric, process, label, value in many[1].scalars
    )


def _typed(value) -> tuple:
    if isinstance(value, bool):
        return None, None, value
    return (None, value, None) if isinstance(value, str) else (float(value), None, None)


@pytest.mark.parametrize("reader", READERS)
def test_every_event_has_its_row(many, column_rows, reader):
    """Firefox's and Glean's, with every extra."""
    columns = ("document_id", "process", "category", "method", "object", "timestamp_ms", "extra")

    rows = column_rows(reader, "events", *columns)

    assert Counter((*row[:6], _pairs(row[6])) for row in rows) == Counter(
        (ping["document_id"], *rest) for ping, *rest in many[1].events
    )


def _pairs(extra) -> tuple:
    """A map as each reader gives it."""
    if isinstance(extra, dict):
        return tuple(sorted(extra.items()))
    return tuple(sorted(tuple(pair.values()) if isinstance(pair, dict) else tuple(pair) for pair in extra))


def test_one_metric_is_the_same_by_each_reader_with_a_filter(many, column_rows, use_catalogue):
    """Filters reach the row groups, and change nothing."""
    use_catalogue(many[0].tables.catalogue)
    expected = Counter(
        start
        for h in many[1].histograms
        if h.metric == "LAYOUT_REFLOW_MS"
        for start, count in h.buckets.items()
        for _ in range(count)
    )
    with analysis.connect(many[0].root.path) as tables:
        by_duckdb = tables.execute(
            "SELECT start, sum(count) FROM histogram_buckets WHERE metric = 'LAYOUT_REFLOW_MS' GROUP BY ALL"
        ).fetchall()
        wanted = pc.field("metric") == "LAYOUT_REFLOW_MS"
        by_pyarrow: Counter[int] = Counter()
        for row in tables.dataset("histograms").to_table(filter=wanted).to_pylist():
            by_pyarrow.update(dict(zip(row["starts"], row["counts"], strict=True)))
        by_polars = (
            tables.lazy_frame("histograms")
            .filter(pl.col("metric") == "LAYOUT_REFLOW_MS")
            .explode("starts", "counts")
            .drop_nulls("starts")
            .group_by("starts")
            .agg(pl.col("counts").sum())
            .collect()
        )

    assert dict(by_duckdb) == expected
    assert by_pyarrow == expected
    assert dict(by_polars.rows()) == expected
