"""A running server carries out deletion requests by itself; `forget` works beside it."""

import json
import urllib.request
from pathlib import Path

import pytest

from storage.raw.submission import Submission
from tests.privacy.test_orders import CLIENT, OLD, OTHER, glean_request
from tests.support.data_root import World, a_ping, an_id, submitted
from tests.support.independent_scan import hits
from tests.support.running_server import result_of, running_server, telemetry_server
from tests.support.waiting import PATIENCE_SECONDS, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "data").mkdir()
    world = World(tmp_path / "data")
    world.put_specs()
    return world


def post(url: str, submission: Submission) -> None:
    request = urllib.request.Request(url + submission.path, data=submission.body, method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        assert answer.status == 200


def is_carried_out(world: World) -> bool:
    """Return whether there is an order, and every one was finished."""
    orders = list((world.root.state / "orders").glob("[0-9]*.json"))
    return bool(orders) and all(json.loads(path.read_bytes())["finished_at"] for path in orders)


def test_a_server_deletes_what_a_request_names_with_the_request_itself(world, tmp_path):
    """The bytes of an open segment too: it is sealed for that.  Others stay, and the books balance."""
    with running_server(tmp_path, deletion_delay_days="0") as server:
        for number, client in ((1, CLIENT), (2, OLD), (3, OTHER)):
            post(server.url, submitted(a_ping(number, clientID=client), number))
        wait_for(lambda: len(world.lines()) == 3)
        post(server.url, glean_request(9))
        wait_for(lambda: is_carried_out(world))
        assert hits(world.root.path, [CLIENT, OLD, an_id(1), an_id(2), an_id(9)]) == {}
        post(server.url, submitted(a_ping(4, clientID=CLIENT), 4))
        post(server.url, submitted(a_ping(5, clientID=OTHER), 5))
        wait_for(lambda: len(world.lines()) == 2)

    audited = world.audit()
    assert audited.findings == []
    assert (audited.total.received, audited.total.stored, audited.total.deleted) == (6, 2, 4)
    assert {document_id for document_id, _ in world.lines()} == {an_id(3), an_id(5)}
    assert world.check_tables() == []


def test_forget_beside_a_server_leaves_nothing(world, tmp_path):
    with running_server(tmp_path) as server:
        for number, client in ((1, CLIENT), (3, OTHER)):
            post(server.url, submitted(a_ping(number, clientID=client), number))
        report = result_of("forget", "--client", CLIENT, "--data", str(world.root.path))
        post(server.url, submitted(a_ping(4, clientID=OTHER), 4))
        wait_for(lambda: len(world.lines()) == 2)

        assert report["left"] == []
        assert report["scan"]["hits"] == {}
        assert hits(world.root.path, [CLIENT, an_id(1)]) == {}
    explained = telemetry_server("explain", an_id(1), "--data", str(world.root.path), "--json")
    assert json.loads(explained.stdout)["outcome"] == "deleted"
    assert world.audit().findings == []
