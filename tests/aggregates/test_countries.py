"""Clients and pings by country: known where the operator has a database of places."""

import asyncio
from dataclasses import replace

import orjson
import pyarrow.parquet as pq
import pytest

from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.tables.columns import COUNTRY
from telemetry_server.aggregates.clients_answer import clients_answer
from telemetry_server.aggregates.sealing import Sealer
from tests.aggregates.pings import LINUX, REVISION, SPEC, Aggregates, Main, exp, filled
from tests.pings.test_geo import database
from tests.support.data_root import World

DAY = "20261120"
IN_CANADA, ELSEWHERE = "192.0.2.0", "10.0.0.0"


class Placed(Main):
    """A ping whose client's address is kept."""

    def submission(self):
        """Return it; the first letters of the alphabet are in Canada."""
        address = IN_CANADA if (self.client or "Z") <= "B" else ELSEWHERE
        return replace(super().submission(), client_address=address)


PINGS = [
    Placed(1, "A", 20, parent=exp({8: 1}, 8)),
    Placed(2, "A", 20, parent=exp({8: 1}, 8)),
    Placed(3, "B", 20, os=LINUX, parent=exp({8: 2}, 8)),
    Placed(4, "C", 20, parent=exp({8: 3}, 8)),
]


@pytest.fixture
def world(tmp_path):
    """A data root whose server knows where some clients are."""
    path = database(tmp_path / "places.mmdb", {"country": {"iso_code": "CA"}})
    found = World(tmp_path / "data", geo_database=path)
    found.put_specs(REVISION, SPEC)
    asyncio.run(filled(found, PINGS))
    Aggregates(found).update()
    return found


def by_country(world):
    return clients_answer(Aggregates(world).reader, ("country",))["rows"]


EXPECTED = [
    {"country": "CA", "clients": 2, "pings": 3},
    {"country": "UNKNOWN", "clients": 1, "pings": 1},
]


def test_clients_are_counted_by_country(world, command):
    """By the API's names, beside other dimensions; sql has the column."""
    assert by_country(world) == EXPECTED
    rows = clients_answer(Aggregates(world).reader, ("country", "os"))["rows"]
    assert [(row["country"], row["os"], row["clients"]) for row in rows] == [
        ("CA", "Linux", 1),
        ("CA", "Windows_NT", 1),
        ("UNKNOWN", "Windows_NT", 1),
    ]
    out, _ = command("clients", "--by", "country", "--json", "--data", str(world.root.path))
    assert orjson.loads(out)["rows"] == EXPECTED
    statement = "SELECT country, count(*) AS n FROM pings GROUP BY ALL ORDER BY ALL"
    out, _ = command("sql", statement, "--format", "json", "--data", str(world.root.path))
    assert orjson.loads(out) == [{"country": "CA", "n": 3}, {"country": None, "n": 1}]


def test_measurements_are_not_divided_by_country(world):
    """There would be many cells; the numbers are the same."""
    aggregates = Aggregates(world)
    summaries = [each for day in aggregates.reader.days for each in day.summaries]
    (measured,) = [summary for summary in summaries if "EXP" in summary.metrics]

    assert len(measured.values("\0dimensions")["dimensions"]) == 2  # two systems
    assert aggregates.row("20261118")["samples"] == 7


def test_files_without_the_column_have_no_country_until_they_are_rebuilt(world, command):
    """Those of an older server are read, merged with newer ones, checked; a rebuild fills it in."""
    with Ledger.for_reading(world.root) as ledger:
        (file,) = ledger.table_files("pings")
    path = world.root.path / file.path
    pq.write_table(pq.read_table(path).drop_columns([COUNTRY]), path)
    asyncio.run(filled(world, [Placed(5, "B", 20, parent=exp({8: 1}, 8))]))
    aggregates = Aggregates(world)
    command("compact", "--data", str(world.root.path))
    aggregates.update()
    assert by_country(world) == [
        {"country": "CA", "clients": 1, "pings": 1},
        {"country": "UNKNOWN", "clients": 3, "pings": 4},
    ]

    command("tables", "rebuild", "--data", str(world.root.path))
    aggregates.update()
    assert [row["pings"] for row in by_country(world)] == [4, 1]
    assert world.check_tables() == []


def test_countries_of_few_clients_are_merged_when_a_day_is_sealed(world):
    """The records are gone then; the country is one of the first things that go."""
    Sealer(world.root, Disk(), 3).seal([DAY])

    rows = by_country(world)
    assert {row["country"] for row in rows} == {"OTHER"}
    assert sum(row["pings"] for row in rows) == 4
