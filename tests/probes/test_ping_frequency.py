"""Pings of a client that come faster than the policy of their doctype allows."""

import json
import sqlite3
from collections import Counter
from datetime import timedelta

import pytest

from storage.ledger.ledger import Ledger
from telemetry_server.coordinator.ping_frequency import marked_line
from telemetry_server.observability import metrics
from telemetry_server.probes.stores import parse_stores
from tests.probes.samples import SOMEBODY
from tests.support.data_root import NOON, World, an_id, submitted

STORES = b"""
[custom]
store = "side-store"
min_interval_seconds = 3600

[secret]
store = "secret-store"
client_id = "forbidden"
min_interval_seconds = 3600
"""
SOMEBODY_ELSE = "0c5ad1de-25f5-450a-9cce-7d31318846d8"
# What a double cannot hold stays as it was sent.
PAYLOAD = {"large": 2**70, "text": '"metadata":{"submission_timestamp":"'}


def a_ping(number: int, minutes: int, client: str | None = SOMEBODY, doctype: str = "custom"):
    """Return a ping that came *minutes* after noon."""
    ping = {
        "type": doctype,
        "version": 4,
        "application": {"name": "Firefox", "version": "70.0", "buildId": "20191010000000"},
        "payload": PAYLOAD,
        **({} if client is None else {"clientId": client}),
    }
    return submitted(json.dumps(ping).encode(), number, at=NOON + timedelta(minutes=minutes))


PINGS = {
    1: (0, SOMEBODY, "custom"),
    2: (59, SOMEBODY, "custom"),
    3: (59, SOMEBODY_ELSE, "custom"),
    4: (119, SOMEBODY, "custom"),
    5: (120, SOMEBODY, "other"),
    6: (121, None, "custom"),
    7: (122, None, "secret"),
    8: (123, None, "secret"),
    9: (124, SOMEBODY.upper(), "custom"),
}
TOO_FREQUENT = {2, 9}


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "data", stores=parse_stores(STORES))


def marked(world: World) -> set[int]:
    """Return the numbers of the pings that have the mark."""
    ids = {an_id(number): number for number in PINGS}
    found = {
        ids[document_id]: record["metadata"].get("anomalies", {}) for document_id, record in world.lines()
    }
    assert set(found) == set(PINGS)
    assert all(marks in ({}, {"too_frequent": 1}, {"no_definitions": 1}) for marks in found.values())
    return {number for number, marks in found.items() if marks}


@pytest.mark.parametrize("at_once", [True, False], ids=["in one round", "one by one"])
async def test_the_later_of_two_pings_is_marked(world, at_once):
    """By client and doctype; the ledger remembers what came before."""
    pings = [a_ping(number, *ping) for number, ping in PINGS.items()]
    counted = 0
    for some in [pings] if at_once else [[each] for each in pings]:
        world.receive(some)
        counted += (await world.convert()).notes["too_frequent"]

    assert marked(world) == TOO_FREQUENT
    assert counted == len(TOO_FREQUENT)
    assert all(record["payload"] == PAYLOAD for _, record in world.lines())
    assert world.audit().balanced
    assert world.check_tables() == []


async def test_a_repeat_is_no_arrival(world):
    """A duplicate neither has the mark nor counts as the ping before."""
    first, repeat = a_ping(1, 0), a_ping(1, 59)
    world.receive([first, repeat, a_ping(2, 61)])
    summary = await world.convert()

    assert summary.duplicate == 1
    assert summary.notes["too_frequent"] == 0


async def test_commands_and_metrics_show_the_mark(world, command, monkeypatch, tmp_path):
    """``explain``, ``stores`` and the counter of marks."""
    (tmp_path / "stores.toml").write_bytes(STORES)
    monkeypatch.setenv("TELEMETRY_STORES_FILE", str(tmp_path / "stores.toml"))
    counted: Counter[str] = Counter()
    monkeypatch.setattr(metrics.anomalies, "count", lambda name, amount: counted.update({name: amount}))
    world.receive([a_ping(1, 0), a_ping(2, 30)])
    await world.convert()
    arguments = ("--json", "--data", str(world.root.path))

    explained = json.loads(command("explain", an_id(2), *arguments)[0])
    stores = json.loads(command("stores", *arguments)[0])["stores"]

    assert [(mark["name"], mark["metric"]) for mark in explained["anomalies"]] == [("too_frequent", None)]
    assert next(each for each in stores if each["store"] == "side-store")["anomalies"] == {"too_frequent": 1}
    assert counted == {"too_frequent": 1}


async def test_a_ledger_without_arrivals_gets_them(world):
    """One of an older server; no client id is in it."""
    world.receive([a_ping(1, 0)])
    await world.convert()
    with sqlite3.connect(world.root.ledger) as connection:
        connection.execute("DROP TABLE arrivals")
    with Ledger.for_reading(world.root) as ledger:
        assert ledger.received_count() == 1
    world.receive([a_ping(2, 1), a_ping(3, 2)])
    summary = await world.convert()

    assert summary.notes["too_frequent"] == 1
    assert SOMEBODY.encode() not in world.root.ledger.read_bytes()


def test_only_the_metadata_of_a_line_are_written_anew():
    """Numbers keep their text."""
    line = b'id\t{"n":1.50,"metadata":{"submission_timestamp":"x","anomalies":{"key_case":2},"header":{}}}\n'

    assert marked_line(line) == (
        b'id\t{"n":1.50,"metadata":{"submission_timestamp":"x",'
        b'"anomalies":{"key_case":2,"too_frequent":1},"header":{}}}\n'
    )
