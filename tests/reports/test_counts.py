"""Counts by hour, by day and by reason come from different places, and agree."""

import asyncio
from collections import Counter
from datetime import timedelta

import orjson
import pytest

from histogram_specs.revision import Revision
from telemetry_server.demo.temporary_server import free_port
from telemetry_server.reports.queries.counts import COLUMNS
from telemetry_server.reports.queries.setup import QuerySetup
from telemetry_server.reports.queries.source import Source
from telemetry_server.reports.queries.worker import answer
from tests.support.data_root import DAY, NOON, REVISION, World, a_ping, an_id, submitted

AWAITED = Revision("mozilla-central", "fedcba987654")


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Source:
    """Submissions of every outcome in two hours; one of each kind has no id, or one that is not an id."""
    world = World(tmp_path_factory.mktemp("counts"), server=f"http://127.0.0.1:{free_port()}")
    world.put_specs(REVISION)
    early = NOON - timedelta(seconds=1)
    world.receive(
        [
            submitted(a_ping(1), 1, at=early),
            submitted(a_ping(2), 2),
            submitted(a_ping(2), 2),
            submitted(a_ping(22), 2, at=NOON + timedelta(seconds=1)),
            submitted(b"{", 3, at=early),
            submitted(b"{", 3),
            submitted(b"x", 0, path="/submit/bad"),
            submitted(b"x", 0, path="/submit/telemetry/not-an-id"),
            submitted(b"x", 0, path=f"/submit/example/hello/1/{'z' * 36}"),
            submitted(a_ping(4, revision=AWAITED), 4, at=early),
            submitted(a_ping(5, revision=AWAITED), 5),
        ]
    )
    asyncio.run(world.convert())
    world.receive([submitted(a_ping(6), 6)])
    return Source(QuerySetup(world.setup, "1.2.3", 30.0, 512 << 20))


def asked(source: Source, query: str, **arguments) -> dict:
    """The answer to a query."""
    head, body = answer(source, orjson.dumps({"query": query, "arguments": arguments}))
    assert head == {"ok": True}
    return orjson.loads(body)


def test_the_hours_of_a_day_add_up_to_the_day(source):
    """By outcome; the second time as well, from what is remembered."""
    by_day = asked(source, "submissions", by="day", first=DAY, last=DAY)["items"]
    for _ in range(2):
        hours = asked(source, "submissions", by="hour", first=DAY, last=DAY)["items"]

        assert len(hours) == 2
        for name in COLUMNS:
            assert sum(hour[name] for hour in hours) == by_day[0][name], name
    assert {name: by_day[0][name] for name in COLUMNS} == {
        "received": 12,
        "stored": 2,
        "duplicate": 2,
        "conflict": 1,
        "quarantined": 5,
        "pending": 3,
        "deleted": 0,
    }


def test_a_span_may_begin_and_end_at_an_hour(source):
    """Both included."""
    items = asked(source, "submissions", by="hour", first=f"{DAY}T11", last=f"{DAY}T11")["items"]

    assert [(each["hour"], each["received"]) for each in items] == [("2026-11-22T11:00:00Z", 3)]


def test_the_list_of_pings_has_all_that_is_counted(source):
    """One entry a submission."""
    filters = dict.fromkeys(
        (
            *("q", "namespace", "doctype", "channel", "version", "debug_id", "outcome", "reason"),
            *("first_day", "last_day"),
        ),
        "",
    )
    listed = asked(source, "pings", filter=filters, after=None, limit=100)["items"]

    assert Counter(each["outcome"] for each in listed) == {
        "stored": 2,
        "duplicate": 2,
        "quarantined": 5,
        "pending": 3,
    }
    assert an_id(6) in {each["document_id"] for each in listed}
