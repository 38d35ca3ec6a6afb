"""Requests that mean harm: each costs little, and none makes its neighbours fail."""

import gzip
import json
import random
import string
from typing import Any

import pytest

from telemetry_server.fuel.collector.errors import RequestRefused
from telemetry_server.fuel.collector.intake import IntakeOptions
from telemetry_server.fuel.collector.request_body import MAX_GZIP_MEMBERS, inflated
from telemetry_server.fuel.collector.request_limits import (
    Allowance,
    LimitOptions,
    limited_address,
)
from tests.fuel.conftest import running_collector
from tests.fuel.documents import a_failure, a_structure, a_task, a_workload

# Words, so that no net takes them for a key; too many for an index of PostgreSQL.
CHANCE = random.Random(1)
LONG = " ".join("".join(CHANCE.choices(string.ascii_lowercase, k=7)) for _ in range(2000))

POISON = {
    "levels": "[" * 300 + "]" * 300,
    "digits": "9" * 400,
    "digits past all": "9" * 5000,
    "exponent": "1e400",
}


async def test_one_odd_value_fails_its_item_alone(sqlite_collector):
    """A whole number of 400 digits is stored as it is."""
    for number, (name, text) in enumerate(POISON.items()):
        body = json.dumps({"action_logs": [a_task(10 * number), a_task(10 * number + 1, note="HERE")]})
        reply = await sqlite_collector.post("action_logs", body.replace('"HERE"', text).encode())

        wanted = "added" if name == "digits" else "failed"
        assert reply.statuses() == {10 * number: "added", 10 * number + 1: wanted}, name


async def test_levels_past_the_parser_are_400(sqlite_collector):
    body = b'{"action_logs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"

    assert (await sqlite_collector.post("action_logs", body)).status == 400


async def test_texts_too_long_for_an_index_are_stored_and_their_copies_cut(collector):
    release = a_structure()["installation_structure"]["fuel_release"] | {"release": LONG}
    structure = await collector.post("installation_structure", a_structure(fuel_release=release))
    logs = await collector.post("action_logs", {"action_logs": [a_task(1), a_task(2, action_name=LONG)]})
    workload = await collector.post("oswl_stats", {"oswl_stats": [a_workload(resource_checksum=LONG)]})

    assert structure.status == 201
    assert set(logs.statuses().values()) | set(workload.statuses().values()) == {"added"}
    ((name, body),) = collector.rows("SELECT action_name, body FROM action_logs WHERE external_id = 2")
    assert len(name) == 255
    assert json.loads(body)["action_name"] == LONG


async def test_a_long_operation_of_a_failure_report_is_refused(sqlite_collector):
    assert (await sqlite_collector.post("failure_reports", a_failure(operation=LONG))).status == 400


def test_many_members_of_gzip_are_refused():
    few = b"".join(gzip.compress(b"x") for _ in range(MAX_GZIP_MEMBERS))

    assert inflated(few, "gzip", 1000) == b"x" * MAX_GZIP_MEMBERS
    with pytest.raises(RequestRefused, match="members"):
        inflated(gzip.compress(b"") * 5000, "gzip", 1000)


def test_an_allowance_is_used_up_and_comes_back_evenly():
    allowance = Allowance(10, 100.0)
    for _ in range(10):
        assert allowance.take("a", 0.0) == 0
    assert allowance.take("a", 0.0) == pytest.approx(10.0)
    assert allowance.take("b", 0.0) == 0
    assert allowance.take("a", 9.0) == pytest.approx(1.0)
    assert allowance.take("a", 10.0) == 0
    assert allowance.take("a", 10.0) > 0
    assert allowance.take("a", 1000.0, 10) == 0
    assert allowance.take("a", 1000.0, 1) > 0
    assert Allowance(0, 100.0).take("a", 0.0, 10**9) == 0


def test_addresses_of_this_machine_are_not_counted():
    addresses = ("127.0.0.0", "::", None, "203.0.113.0", "2001:db8::")

    assert [limited_address(text) for text in addresses] == ["", "", "", "203.0.113.0", "2001:db8::"]


async def a_flood(running: Any, number: int, *, address: str = "", uid: str = "inst-{}") -> list[int]:
    """Send requests of one log each; return the statuses."""
    headers = {"X_Forwarded_For": address} if address else {}
    logs = [{"action_logs": [a_task(n, uid=uid.format(n))]} for n in range(number)]
    replies = [await running.post("action_logs", log, **headers) for log in logs]
    assert all(int(reply.headers["Retry-After"]) > 0 for reply in replies if reply.status == 429)
    return [reply.status for reply in replies]


async def test_requests_past_the_limit_of_an_installation_are_429(sqlite_url, tmp_path):
    options = IntakeOptions(limits=LimitOptions(uid_requests_per_hour=3))
    async with running_collector(tmp_path, sqlite_url, options) as running:
        assert await a_flood(running, 5, uid="inst-a") == [200] * 3 + [429] * 2
        assert await a_flood(running, 1, uid="inst-b") == [200]
        assert running.count("action_logs") == 4


async def test_requests_past_the_limit_of_a_network_are_429(sqlite_url, tmp_path):
    """What a client says about its own address behind the last proxy does not count."""
    from telemetry_server.edge.limits import EdgeLimits

    options = IntakeOptions(limits=LimitOptions(address_requests_per_hour=3))
    async with running_collector(
        tmp_path, sqlite_url, options, limits=EdgeLimits(), trusted_hops=1
    ) as running:
        assert await a_flood(running, 4, address="203.0.113.7") == [200] * 3 + [429]
        assert await a_flood(running, 1, address="198.51.100.9, 203.0.113.99") == [429]
        assert await a_flood(running, 1, address="198.51.100.1") == [200]
        assert await a_flood(running, 5) == [200] * 5


async def test_new_installations_past_the_limit_of_a_network_are_429(database_url, tmp_path):
    from telemetry_server.edge.limits import EdgeLimits

    options = IntakeOptions(limits=LimitOptions(address_new_uids_per_day=3))
    async with running_collector(
        tmp_path, database_url, options, limits=EdgeLimits(), trusted_hops=1
    ) as running:
        assert await a_flood(running, 2, address="203.0.113.7") == [200, 200]
        many = {"action_logs": [a_task(1, uid=f"many-{n}") for n in range(5)]}
        assert (await running.post("action_logs", many, X_Forwarded_For="203.0.113.7")).status == 429
        assert await a_flood(running, 4, address="203.0.113.7") == [200, 200, 200, 429]
        assert await a_flood(running, 2, address="203.0.113.7") == [200, 200]
        assert running.count("action_log_keys") == 3
    async with running_collector(
        tmp_path / "again", database_url, options, limits=EdgeLimits(), trusted_hops=1
    ) as running:
        assert await a_flood(running, 3, address="203.0.113.7") == [200, 200, 200]
        assert await a_flood(running, 6, address="203.0.113.7") == [200] * 6


def test_a_worker_forgets_names_that_it_saw_long_ago(monkeypatch):
    from telemetry_server.fuel.collector import request_limits

    monkeypatch.setattr(request_limits, "MAX_NAMES", 10)
    allowance = Allowance(1, 100.0)
    for number in range(11):
        assert allowance.take(str(number), 0.0) == 0
    assert allowance.take("10", 0.0) > 0
    assert allowance.take("0", 0.0) == 0
