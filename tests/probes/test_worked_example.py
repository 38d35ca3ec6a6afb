"""The example of docs/probes.md: from Scalars.yaml to the report on a store of custom pings."""

import json
from pathlib import Path

import pytest

from histogram_specs.cache.revision_cache import RevisionCache
from storage.raw.submission import Submission
from tests.support.data_root import DAY, NOON, REVISION, World, an_id, submitted

PAGE = Path(__file__).resolve().parents[2] / "docs/probes.md"
URL = f"https://hg.mozilla.org/{REVISION.repository}/rev/{REVISION.changeset}"
CLIENT = "0c5ad1de-25f5-450a-9cce-7d31318846d8"
APPLICATION = {"name": "Firefox", "version": "70.0", "buildId": "20191010000000", "channel": "release"}


def example_of(language: str) -> bytes:
    """The first block of *language* on the page."""
    return PAGE.read_text().split(f"```{language}\n", 1)[1].split("```", 1)[0].encode()


def scalars(**by_label: int) -> dict[str, dict[str, dict[str, int]]]:
    return {"scalars": {"parent": {f"browser.engagement.{label}": n for label, n in by_label.items()}}}


def a_custom_ping(number: int, payload: dict, **more: object) -> Submission:
    ping = {"type": "custom", "version": 4, "application": APPLICATION, **more}
    return submitted({**ping, "payload": {"custom": "hi", "info": {"revision": URL}, **payload}}, number)


def a_main_ping(number: int, tabs: int) -> Submission:
    section = scalars(tab_open_event_count=tabs)["scalars"]["parent"]
    payload = {
        "info": {"revision": URL},
        "histograms": {},
        "processes": {"parent": {"scalars": section}},
    }
    ping = {"type": "main", "version": 4, "clientId": CLIENT, "application": APPLICATION, "payload": payload}
    return submitted(ping, number)


@pytest.fixture
def world(tmp_path, monkeypatch, command):
    """A main ping, two good custom pings, one with a mark and one with a client id."""
    stores = tmp_path / "stores.toml"
    stores.write_bytes(example_of("toml"))
    monkeypatch.setenv("TELEMETRY_STORES_FILE", str(stores))
    world = World(tmp_path / "data")
    world.put_specs()
    folder = RevisionCache(world.root.specs).path_of(REVISION).parent
    (folder / "Scalars.yaml").write_bytes(example_of("yaml"))
    world.receive(
        [
            a_main_ping(1, 5),
            a_custom_ping(2, scalars(tick_times_rand=42, tab_open_event_count=9)),
            a_custom_ping(3, scalars(tick_times_rand=43)),
            a_custom_ping(4, scalars(tick_times_rand=1, tab_hidden_count=2)),
            a_custom_ping(5, scalars(tick_times_rand=44), clientId=CLIENT),
        ]
    )
    command("convert", "--data", str(world.root.path))
    return world


def test_the_report_shows_each_store_by_itself(world, command):
    """A metric of two stores is shown side by side: two values, never a sum."""
    report = json.loads(command("stores", "--json", "--data", str(world.root.path))[0])

    by_name = {store["store"]: store for store in report["stores"]}
    assert {name: store["pings"] for name, store in by_name.items()} == {"custom-store": 3, "main": 1}
    assert by_name["custom-store"]["anomalies"] == {"privacy.client_id_present": 1, "unknown_metric": 1}
    assert by_name["custom-store"]["metrics"] == [
        {"metric": "browser.engagement.tab_open_event_count", "process": "parent", "count": 1},
        {"metric": "browser.engagement.tick_times_rand", "process": "parent", "count": 3},
    ]
    assert (by_name["custom-store"]["metrics_defined"], by_name["custom-store"]["metrics_seen"]) == (2, 2)
    assert report["shared"] == [
        {"metric": "browser.engagement.tab_open_event_count", "by_store": {"custom-store": 1, "main": 1}}
    ]
    assert "custom-store" in command("stores", "--data", str(world.root.path))[0]


def test_no_file_outside_of_raw_holds_the_client_of_the_refused_ping(world, command):
    """The custom ping is in quarantine without the id, which only the main ping's record may have."""
    quarantined = world.lines("quarantine", reason="privacy_violation")
    assert [document_id for document_id, _ in quarantined] == [an_id(5)]
    assert CLIENT not in json.dumps(quarantined)

    shown = command(
        "cat", "quarantine", "--where", "reason=privacy_violation", "--data", str(world.root.path)
    )[0]
    raw = command("cat", "raw", "--where", f"document_id={an_id(5)}", "--data", str(world.root.path))[0]
    whole = (
        "cat",
        "raw",
        "--identities",
        "--where",
        f"document_id={an_id(5)}",
        "--data",
        str(world.root.path),
    )
    assert '"tick_times_rand"' not in shown
    assert "browser.engagement.tick_times_rand" in shown
    assert CLIENT not in shown + raw
    assert CLIENT in command(*whole)[0]


def test_explain_names_the_mark_the_metric_and_the_line(world, command):
    """A script gets the marks as a list, a person as lines."""
    arguments = ("--data", str(world.root.path))

    marks = json.loads(command("explain", an_id(4), "--json", *arguments)[0])["anomalies"]
    assert [(mark["name"], mark["metric"], mark["process"]) for mark in marks] == [
        ("unknown_metric", "browser.engagement.tab_hidden_count", "parent")
    ]
    refused = json.loads(command("explain", an_id(5), "--json", *arguments)[0])
    assert refused["reason"] == "privacy_violation"
    assert [mark["name"] for mark in refused["anomalies"]] == ["privacy.client_id_present"]
    assert "unknown_metric" in command("explain", an_id(4), *arguments)[0]


def test_drift_lists_what_is_sent_and_not_defined(world, command):
    """The rows have owners, and histograms that are never sent are silent."""
    report = json.loads(command("drift", "--json", "--data", str(world.root.path))[0])

    rows = {(row["state"], row["metric"]): row for row in report["drift"]}
    assert rows["undeclared", "browser.engagement.tab_hidden_count"]["pings"] == 1
    assert ("silent", "PLAIN_FLAG") in rows
    assert ("silent", "browser.engagement.tick_times_rand") not in rows
    assert "undeclared" in command("drift", "--data", str(world.root.path))[0]


def test_a_definition_file_is_tried_against_stored_pings(world, command, tmp_path):
    """A metric that leaves the file would be marked; the same file changes nothing."""
    same, without = tmp_path / "Scalars.yaml", tmp_path / "new-Scalars.yaml"
    same.write_bytes(example_of("yaml"))
    without.write_bytes(example_of("yaml").replace(b"tick_times_rand", b"ticks_of_the_clock"))
    arguments = ("--json", "--date", DAY, "--data", str(world.root.path))

    before = world.lines()
    assert json.loads(command("specs", "try", str(same), *arguments)[0])["metrics"] == []
    tried = json.loads(command("specs", "try", str(without), *arguments, status=1)[0])

    assert tried["metrics"] == [
        {"metric": "browser.engagement.tick_times_rand", "reason": "unknown_metric", "pings": 3}
    ]
    assert world.lines() == before


def test_the_tables_have_the_scalars_of_each_store(world):
    """Of custom pings too, each with its process; one that is not defined has a mark."""
    rows = {
        (row["doctype"], row["metric"].rpartition(".")[2], row["value_number"], row["mark"])
        for row in world.table_rows("scalars")
        if row["process"] == "parent" and row["label"] == ""
    }

    assert rows == {
        ("main", "tab_open_event_count", 5, None),
        ("custom", "tick_times_rand", 42, None),
        ("custom", "tab_open_event_count", 9, None),
        ("custom", "tick_times_rand", 43, None),
        ("custom", "tick_times_rand", 1, None),
        ("custom", "tab_hidden_count", 2, "unknown_metric"),
    }


def test_a_stored_custom_ping_says_only_its_day(world):
    """Neither the record nor the table of pings knows when in the day it came."""
    (metadata,) = (record["metadata"] for document_id, record in world.lines() if document_id == an_id(3))

    assert metadata["submission_timestamp"] == f"{NOON:%Y-%m-%d}T00:00:00.000000Z"
