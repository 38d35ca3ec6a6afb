"""The ETL and PostgreSQL are killed at random while documents arrive: the facts are complete in the end."""

import random
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from telemetry_server.demo.temporary_server import bare_environment
from telemetry_server.fuel.analytics.analytics_database import ANALYTICS
from telemetry_server.fuel.database.errors import DatabaseAway
from telemetry_server.fuel.database.migrating import migrate
from tests.fuel.analytics import opened_analytics
from tests.fuel.fleet import NOW, Fleet, generated_fleet, store
from tests.fuel.plain_reports import Plain
from tests.support.figures import Figure
from tests.support.postgresql import program, running_postgresql
from tests.support.sizes import size
from tests.support.whole_server import kill

pytestmark = pytest.mark.slow

ROUNDS = size(8, 80)
# Small transactions, one after the other, so that most kills meet one.
PROGRAM = """
import sys
from datetime import UTC, datetime
from telemetry_server.fuel.analytics.analytics_database import AnalyticsDatabase
from telemetry_server.fuel.analytics.etl import Etl
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.errors import DatabaseAway

etl = Etl(
    CollectorDatabase(sys.argv[1], only_reads=True),
    AnalyticsDatabase(sys.argv[2]),
    lambda: datetime.now(UTC),
    documents=3,
)
print("ready", flush=True)
while True:
    try:
        etl.rebuild() if len(sys.argv) > 3 else etl.run()
    except DatabaseAway:
        pass
"""


def parts_of(fleet: Fleet, number: int) -> list[Fleet]:
    """Return *fleet* in *number* parts, each with some of everything."""
    parts = [Fleet(filtered=fleet.filtered) for _ in range(number)]
    for name in ("structures", "logs", "workloads", "runs"):
        for position, document in enumerate(getattr(fleet, name)):
            getattr(parts[position % number], name).append(document)
    return parts


def store_surely(url: str, part: Fleet) -> None:
    """Store *part*; a database that is away is tried again, and a repeat is harmless."""
    deadline = time.monotonic() + 120
    while True:
        try:
            store(url, part)
            return
        except DatabaseAway:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_facts_are_complete_whatever_was_killed(figure: Figure):
    """Reports equal a plain computation over what was stored, and a rebuild gives the same facts."""
    if program("initdb") is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    chance = random.Random(25)
    fleet = generated_fleet(25, installations=30)
    kills = 0
    with running_postgresql("fsync=off") as server:
        collector, facts = server.new_database(), server.new_database()
        migrate(collector)
        migrate(facts, schema=ANALYTICS)
        for number, part in enumerate(parts_of(fleet, ROUNDS)):
            words = [
                sys.executable,
                "-c",
                PROGRAM,
                collector,
                facts,
                *(["rebuild"] if number % 4 == 3 else []),
            ]
            with subprocess.Popen(words, env=bare_environment(), stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                assert process.stdout.readline()
                if number % 3 == 2:
                    server.kill()
                    server.start()
                    kills += 1
                store_surely(collector, part)
                time.sleep(chance.uniform(0, 0.5))
                kill(process.pid)
                kills += 1
        with opened_analytics(collector, facts) as analytics:
            for _ in range(3):
                with suppress(DatabaseAway):
                    analytics.load()
                    break
            loaded = analytics.contents()
            plain = Plain(fleet, NOW.date())
            analytics.etl().rebuild()
            assert analytics.contents() == loaded
            assert analytics.table("statuses", "statuses") == plain.statuses()
            assert analytics.report("deployment-time")["totals"] == pytest.approx(
                plain.deployment_time()["all"][""]
            )
            assert analytics.table("network-verification", "results") == plain.network_verification()
    documents = sum(len(getattr(fleet, name)) for name in ("structures", "logs", "workloads", "runs"))
    figure.title = "Fuel's ETL and PostgreSQL killed at random"
    figure.runs, figure.acknowledged = kills, documents
