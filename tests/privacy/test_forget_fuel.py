"""An installation goes from every table of the Fuel databases, and its next document is that of a new one."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, time

import orjson
import pytest
import sqlalchemy as sa

from storage.disk import Disk
from telemetry_server.fuel.analytics.analytics_database import ANALYTICS, AnalyticsDatabase
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.migrating import COLLECTOR, migrate
from telemetry_server.fuel.database.partitions import ensure_partitions
from telemetry_server.fuel.database.refused_items import write_refused
from telemetry_server.fuel.database.tables import deliveries, notifications
from telemetry_server.fuel.documents.doctypes import ACTION_LOGS
from telemetry_server.fuel.documents.judging import judge_items
from telemetry_server.privacy.forget import Forgetter
from telemetry_server.privacy.forget_fuel import uid_tables
from telemetry_server.privacy.forget_report import FuelUrls
from tests.support.data_root import World

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
GONE, STAYS = "inst-gone-1234", "inst-stays-1234"
# Of each Python type that a column may have.
VALUES = {
    str: "x",
    int: 1,
    bool: True,
    float: 1.0,
    bytes: b"x",
    datetime: NOW,
    date: NOW.date(),
    time: NOW.time(),
}


def a_row(table: sa.Table, uid_column: sa.Column[str], uid: str) -> dict[str, object]:
    """Return a row with a value in every column that needs one, different for each installation."""
    row: dict[str, object] = {uid_column.name: uid}
    for column in table.columns:
        if column is uid_column or column.nullable:
            continue
        kind = column.type
        if isinstance(kind, sa.Enum):
            row[column.name] = kind.enums[0]
        elif type(kind).__name__ == "Moment":
            row[column.name] = NOW
        elif column.primary_key and kind.python_type is int:
            row[column.name] = len(uid)
        else:
            row[column.name] = uid if kind.python_type is str else VALUES[kind.python_type]
    return row


def fill_both(urls: FuelUrls) -> None:
    """Store two installations in every table of both databases that has a column for them."""
    for url, schema, kind in (
        (urls.collector, COLLECTOR, CollectorDatabase),
        (urls.analytics, ANALYTICS, AnalyticsDatabase),
    ):
        migrate(url, schema=schema)
        tables = uid_tables(schema.metadata)
        assert len(tables) >= 8

        def fill(connection: sa.Connection, tables=tables, schema=schema) -> None:
            if schema is COLLECTOR:
                ensure_partitions(connection, NOW)
            for table, column in tables:
                rows = [a_row(table, column, uid) for uid in (GONE, STAYS)]
                connection.execute(sa.insert(table), rows)
            if schema is COLLECTOR:
                for (number,) in connection.execute(sa.select(notifications.c.id)).all():
                    connection.execute(
                        sa.insert(deliveries).values(
                            notification_id=number, sink="file", state="due", failures=0, next_try_at=NOW
                        )
                    )
                bad = judge_items(
                    ACTION_LOGS,
                    [{"master_node_uid": uid, "external_id": "?"} for uid in (GONE, STAYS)],
                    is_plain=True,
                )
                write_refused(connection, bad.refused, NOW)

        with closing(kind(url)) as database:
            database.write(fill)


@pytest.fixture
def urls(tmp_path) -> FuelUrls:
    """Both databases as SQLite files, filled."""
    World(tmp_path)
    urls = FuelUrls(
        f"sqlite:///{tmp_path}/state/fuel.sqlite", f"sqlite:///{tmp_path}/state/fuel-analytics.sqlite"
    )
    fill_both(urls)
    return urls


def count(url: str, table: str) -> int:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_an_installation_goes_from_every_table_of_both_databases(tmp_path, urls):
    """Free pages and logs of SQLite do not have it either; the other installation stays."""
    world = World(tmp_path)

    report = Forgetter(world.root, Disk(), fuel=urls).forget([GONE], [])

    for schema, url in ((COLLECTOR, urls.collector), (ANALYTICS, urls.analytics)):
        for table, _ in uid_tables(schema.metadata):
            assert report.removed[f"Fuel {table.name}"] == 1, table.name
            assert count(url, table.name) == 1, table.name
    assert report.removed["Fuel refused_items"] == 1
    assert count(urls.collector, "deliveries") == 1
    for path in (tmp_path / "state").iterdir():
        assert path.is_dir() or GONE.encode() not in path.read_bytes(), path
    assert any(STAYS.encode() in path.read_bytes() for path in (tmp_path / "state").glob("fuel.sqlite*"))
    (record,) = (tmp_path / "state/orders").glob("*.json")
    assert orjson.loads(record.read_bytes())["removed"]["Fuel action_logs"] == 1


def test_a_dry_run_counts_rows_and_changes_none(tmp_path, urls):
    report = Forgetter(World(tmp_path).root, Disk(), fuel=urls).preview([GONE], [], orders=False)

    assert report.removed["Fuel action_logs"] == 1
    assert count(urls.collector, "action_logs") == 2
