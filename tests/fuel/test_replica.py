"""A real streaming replica: what reads it, and what happens when it lags or breaks."""

import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from telemetry_server.composition import fuel as composition
from telemetry_server.fuel.analytics.analytics_database import ANALYTICS
from telemetry_server.fuel.database import replica as replica_module
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.errors import DatabaseAway
from telemetry_server.fuel.database.migrating import migrate
from telemetry_server.fuel.database.replica import lag_seconds
from telemetry_server.fuel.documents.builds import build_rules_of
from telemetry_server.fuel.housekeeping.housekeeper import Housekeeper, HousekeepingOptions
from telemetry_server.observability import metrics
from tests.fuel.analytics import opened_analytics
from tests.fuel.conftest import running_collector
from tests.fuel.fleet import generated_fleet
from tests.fuel.plain_reports import Plain
from tests.fuel.test_database import contents, fill
from tests.fuel.test_reports import check_health_checks_and_workloads, check_operations, check_state
from tests.support.postgresql import PostgreSQL, program, running_postgresql
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(program("initdb") is None, reason="PostgreSQL is not installed (Debian: postgresql)"),
]


@pytest.fixture(scope="module")
def primary() -> Iterator[PostgreSQL]:
    """A server with a filled database ``fuel``."""
    with running_postgresql("fsync=off", "autovacuum=off", "wal_level=replica") as server:
        server.run("CREATE DATABASE fuel")
        migrate(server.url("fuel"))
        fill(server.url("fuel"))
        yield server


def test_a_replica_that_lags_and_breaks(primary, tmp_path, command, monkeypatch):
    """Backups come from the replica while it keeps up, and from the primary otherwise."""
    data = tmp_path / "data"
    (data / "state").mkdir(parents=True)
    monkeypatch.setenv("TELEMETRY_FUEL_DATABASE_URL", primary.url("fuel"))

    def backup(name: str) -> tuple[str, str]:
        out, said = command("fuel", "backup", str(tmp_path / name), "--json", "--data", str(data))
        return json.loads(out)["from"], said

    def restored(name: str) -> object:
        url = primary.new_database()
        monkeypatch.setenv("TELEMETRY_FUEL_DATABASE_URL", url)
        command("fuel", "restore", str(tmp_path / name), "--data", str(data))
        monkeypatch.setenv("TELEMETRY_FUEL_DATABASE_URL", primary.url("fuel"))
        return contents(url)

    with primary.replica() as replica:
        url = replica.url("fuel")
        monkeypatch.setenv("TELEMETRY_FUEL_READ_DATABASE_URL", url)
        database = CollectorDatabase(url, only_reads=True)
        # Until a replica has replayed a commit, it does not know how far it is behind.
        primary.run("SELECT pg_current_xact_id()")
        replayed = sa.text("SELECT pg_last_xact_replay_timestamp() IS NOT NULL")
        wait_for(lambda: database.read(lambda connection: connection.execute(replayed).scalar_one()))
        wait_for(lambda: lag_seconds(database) == 0)
        assert contents(url) == contents(primary.url("fuel"))
        assert backup("kept-up") == ("replica", "")
        assert restored("kept-up") == contents(primary.url("fuel"))

        replica.run("SELECT pg_wal_replay_pause()", "fuel")
        fill(primary.url("fuel"), 5)
        wait_for(lambda: lag_seconds(database) > 0)
        for module in (replica_module, composition):
            monkeypatch.setattr(module, "MAX_LAG_SECONDS", 0.0, raising=False)
        source, said = backup("behind")
        assert (source, "behind" in said) == ("primary", True)
        assert restored("behind") == contents(primary.url("fuel"))
        monkeypatch.undo()
        monkeypatch.setenv("TELEMETRY_FUEL_DATABASE_URL", primary.url("fuel"))
        monkeypatch.setenv("TELEMETRY_FUEL_READ_DATABASE_URL", url)

        replica.run("SELECT pg_wal_replay_resume()", "fuel")
        wait_for(lambda: lag_seconds(database) == 0)
        wait_for(lambda: contents(url) == contents(primary.url("fuel")))
        replica.kill()
        with pytest.raises(DatabaseAway):
            lag_seconds(database)
        database.close()
        source, said = backup("broken")
        assert (source, "does not answer" in said) == ("primary", True)


def test_housekeeping_backs_up_by_itself_and_watches_the_replica(primary, tmp_path):
    """Seven backups are kept; a replica that breaks is reported and not used."""
    now = [1_795_000_000.0]
    folder = tmp_path / "backups"

    def backups() -> list[Path]:
        return sorted(folder.glob("*.backup"))

    with primary.replica() as replica:
        options = HousekeepingOptions(
            primary.url("fuel"), replica.url("fuel"), lambda: build_rules_of(None), 24.0, folder
        )
        housekeeper = Housekeeper(options, clock=lambda: now[0])
        housekeeper.turn()
        assert metrics.fuel_replica_lag_seconds.touch()._value.get() >= 0
        assert len(backups()) == 1
        replica.kill()
        for _ in range(9):
            now[0] += 24 * 3600
            for file in backups():
                # As old as its name says.

                os.utime(file, (now[0] - 24 * 3600, now[0] - 24 * 3600))
            housekeeper.turn()
        housekeeper.close()

    assert metrics.fuel_replica_lag_seconds.touch()._value.get() == -1
    assert len(backups()) == 7


def test_facts_are_made_of_what_the_replica_has(primary, tmp_path, command, monkeypatch):
    """The same as those of the primary; a replica that is too far behind is not read."""
    data, url = str(tmp_path / "data"), primary.url("fuel")
    monkeypatch.setenv("TELEMETRY_FUEL_DATABASE_URL", url)
    facts = [primary.new_database(), primary.new_database()]

    def loaded(analytics_url: str) -> object:
        monkeypatch.setenv("TELEMETRY_FUEL_ANALYTICS_DATABASE_URL", analytics_url)
        command("fuel", "etl", "--json", "--data", data)
        with opened_analytics(url, analytics_url) as analytics:
            return analytics.contents()

    with primary.replica() as replica:
        database = CollectorDatabase(replica.url("fuel"), only_reads=True)
        wait_for(lambda: lag_seconds(database) == 0)
        of_primary = loaded(facts[0])
        monkeypatch.setenv("TELEMETRY_FUEL_READ_DATABASE_URL", replica.url("fuel"))
        assert loaded(facts[1]) == of_primary

        replica.run("SELECT pg_wal_replay_pause()", "fuel")
        fill(url, 7)
        wait_for(lambda: lag_seconds(database) > 0)
        monkeypatch.setattr(replica_module, "MAX_LAG_SECONDS", 0.0)
        _, said = command("fuel", "etl", "--data", data, status=5)
        assert "the replica is" in said
        replica.run("SELECT pg_wal_replay_resume()", "fuel")
        database.close()


async def test_reports_from_the_replica_equal_a_plain_computation_over_what_was_sent(primary, tmp_path):
    """Documents go to a collector over HTTP, facts are made of the replica, and a rebuild gives the same."""
    fleet = generated_fleet(3)
    fleet.filtered = set()
    primary.run("CREATE DATABASE sent")
    migrate(primary.url("sent"))
    async with running_collector(tmp_path, primary.url("sent")) as collector:
        for structure in fleet.structures:
            answer = await collector.post("installation_structure", {"installation_structure": structure})
            assert answer.status == 201
        for kind, items in (
            ("action_logs", fleet.logs),
            ("oswl_stats", fleet.workloads),
            ("ostf_runs", fleet.runs),
        ):
            answer = await collector.post(kind, {kind: items})
            assert {item["status"] for item in answer.body[kind]} == {"added"}, kind
    facts = primary.new_database()
    migrate(facts, schema=ANALYTICS)
    with primary.replica() as replica, opened_analytics(replica.url("sent"), facts) as analytics:
        wait_for(lambda: lag_seconds(analytics.collector) == 0)
        analytics.load()
        loaded = analytics.contents()
        seen = date.fromordinal(max(row[4] for row in loaded["fact_installation"]))
        plain = Plain(fleet, seen)
        check_state(analytics, plain)
        check_operations(analytics, plain)
        check_health_checks_and_workloads(analytics, plain)
        analytics.etl().rebuild()

        assert analytics.contents() == loaded
