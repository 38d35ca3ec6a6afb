"""Probes of every kind, stores and drift, as the API answers them."""

import asyncio
import json

import pytest

from histogram_specs.cache.revision_cache import RevisionCache
from telemetry_server.probes.stores import parse_stores
from tests.probes.glean_samples import METRICS, NAMESPACE
from tests.probes.samples import SCALARS, SOMEBODY, STORES
from tests.reports.reports_server import running_reports
from tests.support.data_root import REVISION, World, an_id, submitted

URL = f"https://hg.mozilla.org/{REVISION.repository}/rev/{REVISION.changeset}"
EVENTS = b"""
gate:
  opened:
    methods: [push]
    objects: [gate]
    bug_numbers: [1]
    notification_emails: [gardeners@example.org]
    description: The gate was opened.
    expiry_version: never
    record_in_processes: [main]
"""
APPLICATION = {"name": "Firefox", "version": "70.0", "buildId": "20191010000000", "channel": "release"}


def a_custom_ping(number: int, revision: str = URL, **more: object):
    payload = {
        "info": {"revision": revision},
        "scalars": {"parent": {"garden.weather.rain_ticks": 3, "garden.weather.snails": 1}},
    }
    ping = {"type": "custom", "version": 4, "application": APPLICATION, "payload": payload, **more}
    return submitted(ping, number)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A revision with every file, an imported application, and two custom pings; one of them waits."""
    world = World(tmp_path_factory.mktemp("garden"), server="http://127.0.0.1:9", stores=parse_stores(STORES))
    world.put_specs()
    folder = RevisionCache(world.root.specs).path_of(REVISION).parent
    for name, text in {
        "Scalars.yaml": SCALARS,
        "Events.yaml": EVENTS,
        "UseCounters.conf": b"attribute C.d\n",
    }.items():
        (folder / name).write_bytes(text)
    glean = world.root.specs / "glean" / NAMESPACE / "app"
    glean.mkdir(parents=True)
    (glean / "metrics.yaml").write_bytes(METRICS)
    world.receive([a_custom_ping(1), a_custom_ping(2, URL.replace("0123", "4567"), clientId=SOMEBODY)])
    asyncio.run(world.convert())
    return world


async def test_every_kind_of_probe_is_listed_by_its_name(world):
    """One item a name, with owners, expiry and stores; one probe has its definitions by revision."""
    async with running_reports(world.setup) as reports:
        items = (await reports.get("/api/v1/probes?limit=1000")).json()["items"]
        scalar = (await reports.get("/api/v1/probes/garden.weather.rain_ticks")).json()
        counter = (await reports.get("/api/v1/probes/USE_COUNTER2_C_D_getter_PAGE")).json()
        metric = (await reports.get("/api/v1/probes/garden.visits")).json()

    by_name = {item["name"]: item for item in items}
    assert list(by_name) == sorted(by_name)
    kinds = {name: item["kind"] for name, item in by_name.items()}
    assert kinds["PLAIN_FLAG"] == "histogram"
    assert kinds["garden.weather.rain_ticks"] == "scalar"
    assert kinds["gate.opened"] in ("event", "glean")
    assert kinds["USE_COUNTER2_C_D_getter_PAGE"] == "usecounter"
    assert kinds["garden.visits"] == "glean"
    assert by_name["garden.weather.rain_ticks"]["stores"] == ["side-store"]
    assert by_name["garden.weather.rain_ticks"]["owners"] == ["gardeners@example.org"]
    assert (scalar["kind"], scalar["definitions"][0]["definition"]["expires"]) == ("scalar", "71")
    assert (counter["kind"], counter["definitions"][0]["bucket_starts"]) == ("usecounter", [0, 1, 2])
    assert (metric["kind"], metric["definitions"][0]["revisions"]) == ("glean", [f"glean/{NAMESPACE}"])


async def test_stores_and_drift_are_those_of_the_commands(world, command, monkeypatch, tmp_path):
    """The same code answers both; drift is also CSV."""
    stores = tmp_path / "stores.toml"
    stores.write_bytes(STORES)
    monkeypatch.setenv("TELEMETRY_STORES_FILE", str(stores))
    async with running_reports(world.setup) as reports:
        answers = {name: (await reports.get(f"/api/v1/{name}")).json() for name in ("stores", "drift")}
        csv = await reports.get("/api/v1/drift?format=csv")

    for name, answer in answers.items():
        assert answer == json.loads(command(name, "--json", "--data", str(world.root.path))[0])
    assert csv.text.splitlines()[0].startswith("state,metric,kind")
    assert "undeclared,garden.weather.snails,scalar" in csv.text


async def test_the_tables_list_definitions_of_every_kind(world):
    """The table ``definitions`` has them by revision."""
    statement = "SELECT DISTINCT kind FROM definitions ORDER BY kind"
    async with running_reports(world.setup) as reports:
        answer = (await reports.post("/api/v1/sql", json={"sql": statement})).json()

    assert answer["rows"] == [["event"], ["histogram"], ["scalar"], ["usecounter"]]


async def test_the_body_of_a_waiting_ping_of_an_anonymous_store_has_no_client_id(world):
    """Its bytes in raw/ have one, and are not shown."""
    async with running_reports(world.setup) as reports:
        answer = (await reports.get(f"/api/v1/pings/{an_id(2)}?body=1")).json()

    assert answer["outcome"] in ("pending", "quarantined")
    assert answer["body"]["payload"]["scalars"]
    assert SOMEBODY not in json.dumps(answer)
