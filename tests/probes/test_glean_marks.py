"""Glean pings, held against the imported definitions of their application."""

import json
from collections import Counter

import orjson
import pytest

from telemetry_server.convert.pipeline import convert
from telemetry_server.outcomes.outcome import QuarantineReason, Refused, Stored
from telemetry_server.probes.glean_registry import GleanApplications
from telemetry_server.probes.stores import parse_stores
from tests.convert.payloads.samples import ID, a_context, a_submission
from tests.probes.glean_samples import METRICS, NAMESPACE, PINGS, STORES, a_glean_ping
from tests.support.data_root import World, an_id, submitted

PATH = f"/submit/{NAMESPACE}/watering/1/"
SOMEBODY = "7ad1c0de-25f5-450a-9cce-7d31318846d8"


@pytest.fixture(scope="module")
def garden(tmp_path_factory):
    """A context with the definitions as an operator may put them there: without a parsed copy."""
    folder = tmp_path_factory.mktemp("garden")
    imported = folder / "glean" / NAMESPACE / "app"
    imported.mkdir(parents=True)
    (imported / "metrics.yaml").write_bytes(METRICS)
    (imported / "pings.yaml").write_bytes(PINGS)
    applications = GleanApplications(folder / "glean")
    return a_context(folder, stores=parse_stores(STORES), applications=applications)


def opened(**extra: object) -> list[dict[str, object]]:
    return [{"timestamp": 0, "category": "gate", "name": "opened", "extra": extra}]


CASES = {
    "clean": (a_glean_ping({"counter": {"garden.visits": 3}}, opened(side="north")), {}),
    "neither metrics nor events": (a_glean_ping(), {}),
    "unknown metric": (a_glean_ping({"counter": {"garden.snails": 3}}), {"unknown_metric": 1}),
    "unknown event": (
        a_glean_ping(events=[{"timestamp": 0, "category": "gate", "name": "closed"}]),
        {"unknown_metric": 1},
    ),
    "a metric of Glean itself": (a_glean_ping({"counter": {"glean.validation.pings_submitted": 1}}), {}),
    "metric of another ping": (a_glean_ping({"string": {"garden.season": "autumn"}}), {"wrong_store": 1}),
    "another type": (a_glean_ping({"quantity": {"garden.visits": 3}}), {"wrong_kind": 1}),
    "a value of another type": (a_glean_ping({"counter": {"garden.visits": "3"}}), {"wrong_kind": 1}),
    "a negative counter": (a_glean_ping({"counter": {"garden.visits": -1}}), {"wrong_kind": 1}),
    "true is not a count": (a_glean_ping({"counter": {"garden.visits": True}}), {"wrong_kind": 1}),
    "a distribution": (
        a_glean_ping({"memory_distribution": {"garden.rain": {"sum": 4, "values": {"4": 1}}}}),
        {},
    ),
    "a distribution without values": (
        a_glean_ping({"memory_distribution": {"garden.rain": 4}}),
        {"wrong_kind": 1},
    ),
    "labeled and defined plain": (
        a_glean_ping({"labeled_counter": {"garden.visits": {"a": 1}}}),
        {"keyed_mismatch": 1},
    ),
    "listed labels": (a_glean_ping({"labeled_counter": {"garden.by_tool": {"rake": 1, "__other__": 2}}}), {}),
    "label that is not listed": (
        a_glean_ping({"labeled_counter": {"garden.by_tool": {"spade": 1}}}),
        {"key_not_allowed": 1},
    ),
    "expired when it was built": (
        a_glean_ping({"labeled_counter": {"garden.by_tool": {"hoe": 1}}}, build_date="2026-06-01T00:00:00Z"),
        {"expired_metric": 1},
    ),
    "build of unknown date": (
        a_glean_ping({"labeled_counter": {"garden.by_tool": {"hoe": 1}}}, build_date=None),
        {"expired_metric": 1},
    ),
    "unknown extra key": (a_glean_ping(events=opened(colour="red")), {"extra_key_unknown": 1}),
    "extra that is not a string": (a_glean_ping(events=opened(side=1)), {"extra_not_string": 1}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_glean_ping_is_stored_with_its_marks(garden, case):
    """No mark refuses a ping; both ways of parsing agree."""
    ping, expected = CASES[case]
    submission = a_submission(ping, PATH + ID)

    outcome = convert(submission, garden)

    assert isinstance(outcome, Stored)
    assert outcome == convert(submission, garden, fully=True)
    assert Counter(orjson.loads(outcome.record)["metadata"].get("anomalies", {})) == Counter(expected)


def test_a_client_id_in_a_glean_ping_of_an_anonymous_store_is_removed(garden):
    """As in pings of Firefox's own telemetry."""
    outcome = convert(a_submission(a_glean_ping(client_id=SOMEBODY), PATH + ID), garden)

    assert isinstance(outcome, Refused)
    assert outcome.reason is QuarantineReason.PRIVACY_VIOLATION
    assert SOMEBODY.encode() not in outcome.submission.body


def test_an_application_without_definitions_is_marked(garden, tmp_path):
    """Its metrics are held against nothing."""
    context = a_context(tmp_path, stores=parse_stores(STORES))
    ping = a_glean_ping({"counter": {"garden.visits": 3}})

    outcome = convert(a_submission(ping, PATH + ID), context)

    assert orjson.loads(outcome.record)["metadata"]["anomalies"] == {"no_definitions": 1}


@pytest.fixture
def world(tmp_path, monkeypatch, command):
    """A data root with the definitions imported, and two pings: one clean, one with a mark."""
    stores = tmp_path / "stores.toml"
    stores.write_bytes(STORES)
    monkeypatch.setenv("TELEMETRY_STORES_FILE", str(stores))
    world = World(tmp_path / "data")
    files = []
    for name, text in (("metrics.yaml", METRICS), ("pings.yaml", PINGS)):
        (tmp_path / name).write_bytes(text)
        files.append(str(tmp_path / name))
    command("specs", "import-glean", *files, "--application", NAMESPACE, "--data", str(world.root.path))
    pings = [{"counter": {"garden.visits": 3}}, {"counter": {"garden.snails": 3, "garden.visits": "3"}}]
    world.receive(
        [
            submitted(a_glean_ping(metrics), number, path=PATH + an_id(number))
            for number, metrics in enumerate(pings, 1)
        ]
    )
    command("convert", "--data", str(world.root.path))
    return world


def test_explain_stores_and_drift_know_glean_metrics(world, command):
    """A mark has the line of its definition; a metric that no ping has is silent."""
    data = ("--json", "--data", str(world.root.path))

    marks = json.loads(command("explain", an_id(2), *data)[0])["anomalies"]
    (store,) = (
        store for store in json.loads(command("stores", *data)[0])["stores"] if store["store"] == "watering"
    )
    drift = json.loads(command("drift", *data)[0])["drift"]

    assert [(mark["name"], mark["metric"], mark.get("file"), mark.get("line")) for mark in marks] == [
        ("unknown_metric", "garden.snails", None, None),
        ("wrong_kind", "garden.visits", "metrics.yaml", 4),
    ]
    assert (store["pings"], store["metrics_defined"], store["metrics_seen"]) == (2, 4, 1)
    assert store["metrics"] == [{"metric": "garden.visits", "process": "", "count": 1}]
    assert {(row["state"], row["metric"], *row["owners"]) for row in drift} == {
        ("undeclared", "garden.snails"),
        ("broken", "garden.visits", "gardeners@example.org"),
        ("silent", "garden.by_tool", "gardeners@example.org"),
        ("silent", "garden.rain", "gardeners@example.org"),
        ("silent", "gate.opened", "gardeners@example.org"),
    }


def test_new_glean_definitions_are_tried_against_stored_pings(world, command, tmp_path):
    """They replace the imported file of the same name; nothing is changed."""
    new = tmp_path / "new" / "metrics.yaml"
    new.parent.mkdir()
    new.write_bytes(METRICS.replace(b"  visits:", b"  guests:"))
    data = ("--json", "--data", str(world.root.path))
    before = world.lines()

    assert json.loads(command("specs", "try", str(tmp_path / "metrics.yaml"), *data)[0])["metrics"] == []
    tried = json.loads(command("specs", "try", str(new), *data, status=1)[0])

    assert tried["metrics"] == [{"metric": "garden.visits", "reason": "unknown_metric", "pings": 2}]
    assert world.lines() == before


async def test_the_tables_have_the_marks_of_glean_values(tmp_path):
    """By label, by distribution and by event; a value without a mark counts."""
    world = World(tmp_path / "data", stores=parse_stores(STORES))
    world.put_specs()
    imported = world.root.specs / "glean" / NAMESPACE / "app"
    imported.mkdir(parents=True)
    (imported / "metrics.yaml").write_bytes(
        METRICS.replace(b"[watering]\n    expires: 2026-06-01", b"[watering]\n    expires: never")
    )
    rain = {"sum": 4, "values": {"4": 1}}
    ping = a_glean_ping(
        {
            "counter": {"garden.visits": 3, "garden.snails": 1},
            "labeled_counter": {"garden.by_tool": {"rake": 1, "spade": 2}},
            "memory_distribution": {"garden.rain": rain, "garden.hail": rain},
        },
        [*opened(), {"timestamp": 1, "category": "gate", "name": "closed"}],
    )
    world.receive([submitted(ping, 1, path=PATH + an_id(1))])
    await world.convert()

    marks = {
        (row["metric"], row["label"]): row["mark"]
        for table in ("scalars", "histograms")
        for row in world.table_rows(table)
    }
    assert marks == {
        ("garden.visits", ""): None,
        ("garden.snails", ""): "unknown_metric",
        ("garden.by_tool", "rake"): None,
        ("garden.by_tool", "spade"): "key_not_allowed",
        ("garden.rain", ""): None,
        ("garden.hail", ""): "unknown_metric",
    }
    assert {row["method"]: row["mark"] for row in world.table_rows("events")} == {
        "opened": None,
        "closed": "unknown_metric",
    }
    assert world.check_tables() == []
