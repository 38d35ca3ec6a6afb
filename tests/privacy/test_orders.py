"""Deletion requests of clients become orders, and are carried out after their delay."""

import json

import pytest

from storage.disk import Disk
from storage.ledger.forgotten import OrderState
from storage.ledger.ledger import Ledger
from telemetry_server.privacy.forget import Forgetter
from tests.support.data_root import NOON, World, a_ping, an_id, submitted
from tests.support.independent_scan import hits

CLIENT, OLD, OTHER = (f"{digit * 8}-1111-4222-8333-444444444444" for digit in "abc")
CANARY = "c0ffeec0-ffee-c0ff-eec0-ffeec0ffeec0"
WEEK_SECONDS = 7 * 86_400


def glean_request(number: int):
    body = {
        "ping_info": {"seq": 0, "start_time": "2026-11-22T12:00+00:00", "end_time": "2026-11-22T12:00+00:00"},
        "client_info": {"client_id": CLIENT, "app_channel": "nightly"},
        "metrics": {"uuid": {"legacy.telemetry.client_id": OLD, "canary": CANARY}},
    }
    return submitted(body, number, path=f"/submit/org-example/deletion-request/1/{an_id(number)}")


def firefox_request(number: int, doctype: str):
    body = {"version": 4, "type": doctype, "clientId": CLIENT, "payload": {"scalars": {}}}
    body["application"] = {
        "name": "Firefox",
        "version": "71.0",
        "channel": "release",
        "buildId": "20191202093317",
    }
    return submitted(
        body, number, path=f"/submit/telemetry/{an_id(number)}/{doctype}/Firefox/71.0/release/20191202093317"
    )


REQUESTS = {
    "Glean": glean_request,
    "Firefox": lambda number: firefox_request(number, "deletion-request"),
    "Firefox 70 and 71": lambda number: firefox_request(number, "deletion"),
    "refused": lambda number: submitted(
        {"version": 4, "type": "deletion-request", "clientId": CLIENT},
        number,
        path=f"/submit/telemetry/{an_id(number)}/deletion-request/Firefox/71.0/release/20191202093317",
    ),
}


def waiting(world: World) -> int:
    with Ledger.for_reading(world.root) as ledger:
        return len(ledger.orders(OrderState.WAITING))


@pytest.mark.parametrize("client", REQUESTS)
async def test_a_deletion_request_is_carried_out_after_its_delay(tmp_path, client):
    """The pings of its ids and the request itself go; others stay, the canary's too."""
    world = World(tmp_path)
    world.put_specs()
    world.receive(
        [
            submitted(a_ping(1, clientID=CLIENT), 1),
            submitted(a_ping(2, clientID=OLD), 2),
            submitted(a_ping(3, clientID=OTHER), 3),
            submitted(a_ping(4, clientID=CANARY), 4),
            REQUESTS[client](9),
        ]
    )
    await world.convert()
    assert waiting(world) == 1
    now = NOON.timestamp()

    early = Forgetter(world.root, Disk(), clock=lambda: now + WEEK_SECONDS - 1).carry_out(7)

    assert early.orders == []
    assert len(world.lines()) >= 4

    late = Forgetter(world.root, Disk(), clock=lambda: now + WEEK_SECONDS).carry_out(7)

    assert len(late.orders) == 1
    stays = {an_id(3), an_id(4)} | (set() if client == "Glean" else {an_id(2)})
    assert {document_id for document_id, _ in world.lines()} == stays
    gone = [CLIENT, an_id(1), an_id(9)] + ([OLD, an_id(2)] if client == "Glean" else [])
    assert hits(tmp_path, gone) == {}
    assert world.audit().findings == []
    assert waiting(world) == 0
    (path,) = (tmp_path / "state/orders").glob("*.json")
    record = json.loads(path.read_bytes())
    assert record["namespace"] == ("org-example" if client == "Glean" else "telemetry")
    assert len(record["clients"]) == (2 if client == "Glean" else 1)


async def test_the_same_request_again_changes_nothing(tmp_path):
    world = World(tmp_path)
    world.receive([glean_request(9)])
    await world.convert()
    Forgetter(world.root, Disk()).carry_out()
    world.receive([glean_request(9), glean_request(10)])

    await world.convert()

    assert waiting(world) == 0
    assert (world.audit().total.received, world.audit().total.deleted) == (3, 3)
    assert world.audit().findings == []


async def test_requests_that_came_before_orders_were_noted_are_orders_as_well(tmp_path, command):
    """Of an earlier server, or after a repair: they are found in the files, once."""
    world = World(tmp_path)
    world.receive([REQUESTS["Glean"](9), REQUESTS["refused"](10), submitted(a_ping(1, clientID=OTHER), 1)])
    await world.convert()
    with Ledger(world.root.ledger) as ledger, ledger.transaction() as transaction:
        transaction._connection.execute("DELETE FROM orders")
        transaction.note_adopted_orders(is_done=False)

    out, _ = command("forget", "--orders", "--data", str(tmp_path), "--json")

    assert len(json.loads(out)["orders"]) == 2
    assert hits(tmp_path, [CLIENT, OLD, an_id(9), an_id(10)]) == {}
    out, _ = command("forget", "--orders", "--data", str(tmp_path), "--json")
    assert json.loads(out)["orders"] == []
