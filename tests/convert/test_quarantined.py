"""Fields that rules remove are not written to quarantine, and a replay has the same outcome."""

import gzip
from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest

from storage.ledger.forgotten import OrderState
from storage.ledger.ledger import Ledger
from telemetry_server.convert.pipeline import convert
from telemetry_server.convert.rules.rules_file import parse_rules
from telemetry_server.outcomes.outcome import QuarantineReason, Refused
from tests.convert.payloads.samples import ID, INFO, a_context, a_submission, classic, unified
from tests.support.data_root import NOON, World, a_ping, submitted

ARRIVED = datetime(2026, 11, 22, 13, 47, 11, 123456, tzinfo=UTC)
CLIENT = "aaaaaaaa-1111-4222-8333-444444444444"
DROP = """
[[rule]]
name = "no-client"
action = "drop"
fields = ["clientID", "clientId"]
[rule.when]
namespace = "telemetry"
"""
REDACT = DROP.replace("drop", "redact").replace("no-client", "no-client-either")
COARSE = """
[[rule]]
name = "coarse"
action = "coarsen"
arrival = "hour"
version = "major"
[rule.when]
namespace = "telemetry"
"""
REFUSE = '[[rule]]\nname = "no"\naction = "unwanted"\n[rule.when]\n'


def refused(tmp_path, ping, rules: str, **changes) -> Refused:
    submission = replace(a_submission(ping, headers={"date": "Sun, 22 Nov 2026", "dnt": "1"}), **changes)
    outcome = convert(replace(submission, received_at=ARRIVED), a_context(tmp_path, rules=parse_rules(rules)))
    assert isinstance(outcome, Refused)
    return outcome


PING = {**classic(), "clientID": CLIENT}
NO_REVISION = {name: value for name, value in INFO.items() if name != "revision"}
REFUSED = {
    "after the rules": ({**PING, "info": NO_REVISION}, {}, QuarantineReason.MISSING_REVISION),
    "before the rules": ({**PING, "histograms": None}, {}, QuarantineReason.MISSING_FIELD),
    "of an unknown version": ({"ver": 99, "clientID": CLIENT}, {}, QuarantineReason.UNKNOWN_VERSION),
    "without a valid id": (PING, {"path": "/submit/telemetry/x"}, QuarantineReason.INVALID_DOCUMENT_ID),
    "with a wrong path": (PING, {"path": f"/submit/telemetry/{ID}/a/b"}, QuarantineReason.INVALID_PATH),
    "compressed": (
        gzip.compress(orjson.dumps({**PING, "histograms": None})), {}, QuarantineReason.MISSING_FIELD
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize(("rules", "left"), [(DROP, None), (REDACT, "[redacted]")])
def test_fields_that_rules_remove_are_not_written(tmp_path, case, rules, left):
    """For every reason of refusal; the time is cut, too."""
    ping, changes, reason = REFUSED[case]
    outcome = refused(tmp_path, ping, rules + COARSE, **changes)

    assert outcome.reason is reason
    written = outcome.submission
    assert written is not None
    body = orjson.loads(written.body)
    assert body.get("clientID") == left
    original = ping if isinstance(ping, dict) else orjson.loads(gzip.decompress(ping))
    rest = {name: value for name, value in original.items() if name != "clientID"}
    assert {name: value for name, value in body.items() if name != "clientID"} == rest
    assert written.received_at == ARRIVED.replace(minute=0, second=0, microsecond=0)
    assert written.headers == {"dnt": "1"}


@pytest.mark.parametrize(
    "rules",
    [
        f'{REFUSE}json."clientID" = "{CLIENT}"\n{DROP}',
        f'{REFUSE}client_id = "{CLIENT}"\n{DROP}',
        DROP.replace('"clientID"', '"info.appName"'),
    ],
)
def test_a_body_stays_whole_if_a_replay_would_have_another_outcome(tmp_path, rules):
    """A replay would store a refused ping, or use another folder."""
    assert refused(tmp_path, {**PING, "info": NO_REVISION}, rules).submission is None


@pytest.mark.parametrize("body", [b"{ no json", b"[]", gzip.compress(b"{}")[:-9], b""])
def test_a_body_that_is_not_an_object_stays_as_it_is(tmp_path, body):
    assert refused(tmp_path, body, DROP).submission is None


def test_a_submission_without_removals_is_the_same_object(tmp_path):
    """Rules without removals do not change it, and neither do rules for other pings."""
    for rules in (COARSE.replace('arrival = "hour"\n', ""), DROP.replace('"telemetry"', '"other"')):
        assert refused(tmp_path / str(len(rules)), {**PING, "info": NO_REVISION}, rules).submission is None


async def test_copies_of_conflicts_lack_the_fields_as_well(tmp_path):
    world = World(tmp_path, rules=parse_rules(DROP + COARSE))
    world.put_specs()
    world.receive([submitted(a_ping(1, clientID=CLIENT, n=n), 1, at=ARRIVED) for n in range(2)])
    await world.convert()

    ((_, conflict),) = world.lines("quarantine", reason="conflict")
    assert CLIENT not in str(conflict)
    assert conflict["received_at"] == "2026-11-22T13:00:00.000000Z"
    assert world.audit().findings == []


async def test_a_replay_stores_the_ping_without_the_fields(tmp_path):
    """A second replay finds no ping."""
    world = World(tmp_path, rules=parse_rules(DROP))
    world.receive([submitted(a_ping(1, clientID=CLIENT), 1, at=NOON)])
    await world.convert()
    assert world.audit().total.quarantined == 1
    world.put_specs()

    assert (await world.replay()).stored == 1
    assert (await world.replay()).examined == 0
    ((_, record),) = world.lines()
    assert "clientID" not in record
    assert world.audit().findings == []


async def test_a_refused_deletion_request_is_an_order_though_its_id_is_removed(tmp_path):
    world = World(tmp_path, rules=parse_rules(DROP))
    request = {**unified("deletion-request", clientId=CLIENT), "application": None}
    world.receive(
        [submitted(request, 1, path=f"/submit/telemetry/{ID}/deletion-request/Firefox/71.0/release/1")]
    )
    await world.convert()

    ((_, line),) = world.lines("quarantine")
    assert line["reason"] == "missing_field"
    with Ledger.for_reading(world.root) as ledger:
        assert len(ledger.orders(OrderState.WAITING)) == 1
