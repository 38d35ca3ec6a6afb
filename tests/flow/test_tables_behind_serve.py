"""What a running server receives is soon in its tables, without another command."""

import json

import pytest

from storage.ledger.ledger import Ledger
from telemetry_server.analysis import connect
from tests.flow.test_serve import post
from tests.support.data_root import World, an_id
from tests.support.running_server import running_server, telemetry_server
from tests.support.waiting import wait_for

ROWS = "SELECT document_id, metric, counts FROM histograms ORDER BY ALL"


@pytest.fixture
def world(tmp_path):
    (tmp_path / "data").mkdir()
    world = World(tmp_path / "data")
    world.put_specs()
    return world


def test_a_ping_that_was_answered_with_200_gets_its_rows_in_sql(world, tmp_path):
    """While the server runs; a ping that comes later, too."""

    def table_files() -> int:
        with Ledger.for_reading(world.root) as ledger:
            return len(ledger.table_files("histograms"))

    def rows_in_tables() -> int:
        with connect(world.root.path, threads=1) as tables:
            return len(tables.execute(ROWS).fetchall())

    with running_server(tmp_path) as server:
        for number in (1, 2):
            post(server.url, number)
            # The ledger names another file first: asking it is cheaper than SQL.
            wait_for(lambda number=number: table_files() >= number and rows_in_tables() == 2 * number)
        found = telemetry_server("sql", "--data", str(world.root.path), "--format", "json", ROWS)

    assert json.loads(found.stdout) == [
        {"document_id": an_id(number), "metric": metric, "counts": counts}
        for number, bucket in ((1, 2), (2, 3))
        for metric, counts in (("LOAD_MS", [bucket]), ("PLAIN_FLAG", [1]))
    ]
