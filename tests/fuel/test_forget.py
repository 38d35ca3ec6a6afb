"""Installations are deleted from PostgreSQL as well, and an ETL does not bring them back."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from storage.disk import Disk
from telemetry_server.fuel.analytics.analytics_database import ANALYTICS
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.migrating import COLLECTOR
from telemetry_server.privacy.forget import Forgetter
from telemetry_server.privacy.forget_fuel import forget_installations, uid_tables
from telemetry_server.privacy.forget_report import FuelUrls
from tests.fuel.documents import a_structure, a_task
from tests.fuel.fleet import Fleet, store
from tests.privacy.test_forget_fuel import GONE, STAYS, fill_both
from tests.support.data_root import World


def test_an_installation_goes_from_every_table_of_postgresql(tmp_path, postgresql):
    """Collector and facts in one database; the other installation stays, and a repeat finds nothing."""
    url = postgresql.new_database("migrated")
    urls = FuelUrls(url, url)
    fill_both(urls)
    forgetter = Forgetter(World(tmp_path).root, Disk(), fuel=urls)
    planned = forgetter.preview([GONE], [], orders=False).removed
    report = forgetter.forget([GONE], [])

    assert not report.left
    tables = [table for schema in (COLLECTOR, ANALYTICS) for table, _ in uid_tables(schema.metadata)]
    database = CollectorDatabase(url)

    def left(connection: sa.Connection) -> dict[str, list[tuple[Any, ...]]]:
        names = [table.name for table in tables] + ["refused_items", "deliveries"]
        return {
            name: [tuple(row) for row in connection.execute(sa.text(f"SELECT * FROM {name}"))]
            for name in names
        }

    found = database.read(left)
    database.close()
    assert {name for name, rows in found.items() if len(rows) != 1} == set()
    assert GONE not in str(found) and STAYS in str(found)
    for name in [table.name for table in tables] + ["refused_items"]:
        assert (planned[f"Fuel {name}"], report.removed[f"Fuel {name}"]) == (1, 1), name
    assert not forgetter.preview([GONE], [], orders=False).removed["Fuel action_logs"]


def test_an_etl_under_way_does_not_bring_back_what_was_forgotten(analytics, monkeypatch):
    """Documents that it had read before they were deleted are not loaded; the next run goes on."""
    documents = Fleet([a_structure(uid)["installation_structure"] for uid in (GONE, STAYS)])
    documents.logs = [a_task(number, uid) for number, uid in enumerate((GONE, STAYS))]
    store(analytics.collector_url, documents)
    read: Callable[[Any], Any] = analytics.collector.read
    forgotten: list[bool] = []

    def read_and_forget(work: Callable[[sa.Connection], Any]) -> Any:
        found = read(work)
        if not forgotten:
            forgotten.append(True)
            for url, is_analytics in ((analytics.collector_url, False), (analytics.analytics_url, True)):
                forget_installations(url, lambda uid: 1 if uid == GONE else None, is_analytics=is_analytics)
        return found

    monkeypatch.setattr(analytics.collector, "read", read_and_forget)
    analytics.load()
    assert GONE not in str(analytics.contents())
    analytics.load()
    assert STAYS in str(analytics.contents()["fact_cluster"])
    assert GONE not in str(analytics.contents())
