"""The acceptance cases of a collector, on both databases, through a real edge."""

import asyncio
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from telemetry_server.fuel.collector.collector import Collector
from telemetry_server.fuel.collector.intake import IntakeOptions
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.documents import schemas
from telemetry_server.fuel.documents.builds import build_rules_of
from telemetry_server.fuel.documents.doctypes import Doctype
from tests.fuel.conftest import running_collector
from tests.fuel.documents import UID, a_node, a_request_log, a_run, a_structure, a_task, a_workload

POSTS = ("action_logs", "installation_structure", "oswl_stats", "ostf_runs")


async def test_ping_answers_without_the_database(tmp_path):
    async with running_collector(tmp_path, "postgresql+psycopg://stranger@127.0.0.1:1/none") as running:
        reply = await running.send("GET", "/api/v1/ping/")
        away = await running.post("action_logs", {"action_logs": [a_task(1)]})

    assert (reply.status, reply.body["status"]) == (200, "ok")
    assert reply.body["exec_time"] >= 0
    assert (away.status, away.body["status"]) == (503, "error")
    assert int(away.headers["Retry-After"]) > 0


async def test_wrong_methods_and_paths_get_the_error_envelope(sqlite_collector):
    collector = sqlite_collector
    cases = [(method, "ping", 405) for method in ("POST", "PUT", "PATCH", "DELETE")]
    cases += [(method, name, 405) for method in ("GET", "PUT", "PATCH", "DELETE") for name in POSTS]
    cases += [(method, "nowhere", 404) for method in ("GET", "POST")]
    cases += [("POST", "action_logs/1", 404), ("GET", "schemas/none", 404), ("POST", "schemas/oswl", 405)]
    for method, name, status in cases:
        for slash in ("", "/"):
            reply = await collector.send(method, f"/api/v1/{name}{slash}", {})

            assert reply.status == status, (method, name)
            assert reply.body.keys() == {"status", "message"}
            assert reply.body["status"] == "error"


async def test_an_empty_list_is_a_good_request(collector):
    for name in ("action_logs", "oswl_stats", "ostf_runs"):
        reply = await collector.post(name, {name: []})

        assert (reply.status, reply.body[name]) == (200, [])


async def test_the_first_log_stored_under_a_key_stays(collector):
    first = await collector.post("action_logs", {"action_logs": [a_task(n) for n in (41, 42, 43)]})
    again = [a_task(n) for n in range(41, 46)]
    again[0]["body"]["end_timestamp"] = "2030-01-01T00:00:00"
    second = await collector.post("action_logs", {"action_logs": again})

    assert first.statuses() == dict.fromkeys((41, 42, 43), "added")
    assert second.statuses() == dict.fromkeys((41, 42, 43), "existed") | dict.fromkeys((44, 45), "added")
    assert collector.count("action_logs") == 5
    stored = collector.rows("SELECT action_type, action_name, body FROM action_logs WHERE external_id = 41")
    assert stored[0][:2] == ("nailgun_task", "deploy")
    assert json.loads(stored[0][2])["end_timestamp"] == "2026-02-01T08:45:30"


async def test_of_equal_keys_in_one_request_the_last_counts(collector):
    last = a_task(50, end_timestamp="2026-03-01T00:00:00")
    reply = await collector.post("action_logs", {"action_logs": [a_task(50), last]})

    assert reply.body["action_logs"] == [{"master_node_uid": UID, "external_id": 50, "status": "added"}]
    ((body,),) = collector.rows("SELECT body FROM action_logs")
    assert json.loads(body)["end_timestamp"] == "2026-03-01T00:00:00"


async def test_an_unfinished_task_is_skipped_until_it_is_finished(collector):
    steps = [
        (a_task(1, end_timestamp=None), "skipped", 0),
        (a_task(1), "added", 1),
        (a_task(1, end_timestamp=None), "existed", 1),
    ]
    for task, status, rows in steps:
        reply = await collector.post("action_logs", {"action_logs": [task]})

        assert reply.statuses() == {1: status}
        assert collector.count("action_logs") == rows
    without_end = a_task(2)
    del without_end["body"]["end_timestamp"]
    reply = await collector.post("action_logs", {"action_logs": [without_end]})
    assert reply.statuses() == {2: "skipped"}


def _without(item: dict[str, Any], *path: str) -> dict[str, Any]:
    inner = item
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return item


BAD_LOGS: dict[str, Any] = {
    "no action type": _without(a_task(1), "body", "action_type"),
    "another action type": a_task(1, action_type="cron"),
    "a request without end": a_request_log(1, end_timestamp=None),
    "null as id": a_task(1) | {"external_id": None},
    "a fraction as id": a_task(1) | {"external_id": 1.5},
    "a whole fraction as id": a_task(1) | {"external_id": 1.0},
    "a boolean as id": a_task(1) | {"external_id": True},
    "a text as id": a_task(1) | {"external_id": "7"},
    "an id past 64 bits": a_task(1) | {"external_id": 2**63},
    "no body": _without(a_task(1), "body"),
    "no uid": _without(a_task(1), "master_node_uid"),
    "a text as body": a_task(1) | {"body": "x"},
    "a list": [],
    "null": None,
    "NUL in a text": a_task(1, note="a\0b"),
    "NUL in a key": a_task(1, **{"a\0b": 1}),
    "nested too deeply": a_task(1, note=json.loads("[" * 80 + "]" * 80)),
    "a uid that is an address": a_task(1, uid="10.20.30.40"),
}


async def test_a_bad_log_fails_alone(collector):
    for number, (name, bad) in enumerate(BAD_LOGS.items()):
        good = [a_task(1000 + 2 * number), a_task(1001 + 2 * number)]
        reply = await collector.post("action_logs", {"action_logs": [good[0], bad, good[1]]})

        assert reply.status == 200, name
        by_status = sorted(item["status"] for item in reply.body["action_logs"])
        assert by_status == ["added", "added", "failed"], name
        assert collector.count("action_logs") == 2 * (number + 1), name
        assert collector.count("refused_items") == number + 1, name
    assert all(reason for (reason,) in collector.rows("SELECT reason FROM refused_items"))


VALUES_NOT_STORED = ['"\\ud800"', "1e999", "-1e999", "NaN", "Infinity", '{"\\udfff": 1}']


async def test_a_value_that_no_database_stores_fails_alone(collector):
    for number, text in enumerate(VALUES_NOT_STORED):
        good = json.dumps(a_task(2 + number))
        bad = json.dumps(a_task(1, note="HERE")).replace('"HERE"', text)
        reply = await collector.post("action_logs", f'{{"action_logs": [{good}, {bad}]}}'.encode())

        assert reply.statuses() == {2 + number: "added", 1: "failed"}, text
    assert collector.count("action_logs") == len(VALUES_NOT_STORED)


async def test_keys_beyond_the_schema_are_kept(collector):
    log = a_task(1, x={"y": 12345678901234567890123}) | {"note": "kept"}
    reply = await collector.post("action_logs", json.dumps({"action_logs": [log]}).encode())

    assert reply.statuses() == {1: "added"}
    ((body, extra),) = collector.rows("SELECT body, extra FROM action_logs")
    assert json.loads(body)["x"] == {"y": 12345678901234567890123}
    assert json.loads(extra) == {"note": "kept"}


@pytest.mark.parametrize("name", POSTS)
async def test_another_form_of_request_is_400_and_stores_nothing(sqlite_collector, name):
    collector = sqlite_collector
    texts = [b"{}", b"null", b"[]", b"", b'{"' + name.encode() + b'":', b"\xff\xfe", b'{"other": []}']
    texts.append(json.dumps({name: [], "z": 1}).encode())
    for text in texts:
        reply = await collector.post(name, text)

        assert reply.status == 400, text
        assert reply.body.keys() == {"status", "message"}
    wrong_type = await collector.send(
        "POST", f"/api/v1/{name}/", json.dumps({name: []}).encode(), {"Content-Type": "text/plain"}
    )
    assert wrong_type.status == 400
    assert collector.count("action_logs") + collector.count("oswl_stats") == 0


async def test_a_request_of_many_logs_is_stored_in_chunks(collector):
    reply = await collector.post("action_logs", {"action_logs": [a_task(n) for n in range(2500)]})

    assert list(reply.statuses().values()) == ["added"] * 2500
    numbers = collector.rows(
        "SELECT count(*), change_number FROM action_logs GROUP BY change_number ORDER BY 2"
    )
    assert [rows for rows, _ in numbers] == [1000, 1000, 500]


async def test_a_chunk_that_the_database_refuses_fails_without_the_others(collector):
    condition = "NEW.external_id BETWEEN 1000 AND 1999"
    trigger = "CREATE TRIGGER refuse BEFORE INSERT ON action_log_keys FOR EACH ROW"
    if collector.database.dialect == "sqlite":
        make = [f"{trigger} WHEN {condition} BEGIN SELECT RAISE(ABORT, 'forced'); END"]
    else:
        make = [
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'forced'; END $$",
            f"{trigger} WHEN ({condition}) EXECUTE FUNCTION refuse()",
        ]
    collector.database.write(lambda connection: [connection.execute(sa.text(line)) for line in make])
    logs = [a_task(n) for n in range(2500)]
    reply = await collector.post("action_logs", {"action_logs": logs})
    drop = "DROP TRIGGER refuse" + ("" if collector.database.dialect == "sqlite" else " ON action_log_keys")
    collector.database.write(lambda connection: connection.execute(sa.text(drop)))
    retry = await collector.post("action_logs", {"action_logs": logs})

    assert reply.status == 200
    found = reply.statuses()
    assert {found[n] for n in range(1000, 2000)} == {"failed"}
    assert {found[n] for n in (*range(1000), *range(2000, 2500))} == {"added"}
    found = retry.statuses()
    assert {found[n] for n in range(1000, 2000)} == {"added"}
    assert sum(status == "existed" for status in found.values()) == 1500


async def test_two_equal_requests_at_the_same_moment_store_each_log_once(collector):
    logs = {"action_logs": [a_task(n) for n in range(200)]}
    one, other = await asyncio.gather(*(collector.post("action_logs", logs) for _ in range(2)))

    assert collector.count("action_logs") == 200
    for number in range(200):
        assert {one.statuses()[number], other.statuses()[number]} == {"added", "existed"}


async def test_a_structure_is_created_and_then_replaced(collector):
    query = "SELECT structure, creation_date, modification_date, release FROM installation_structures"
    first = await collector.post("installation_structure", a_structure())
    ((_, created, modified, release),) = collector.rows(query)
    second = await collector.post("installation_structure", a_structure(unallocated_nodes_num=5))
    ((structure, still, later, _),) = collector.rows(query)

    assert (first.status, first.body.keys()) == (201, {"status", "exec_time"})
    assert (second.status, second.body["status"]) == (200, "ok")
    assert (release, modified) == ("9.0", None)
    assert still == created
    assert later is not None
    assert json.loads(structure)["unallocated_nodes_num"] == 5


async def test_a_bad_structure_is_400_and_leaves_the_stored_one(collector):
    await collector.post("installation_structure", a_structure())
    ((before,),) = collector.rows("SELECT structure FROM installation_structures")
    cluster = a_structure()["installation_structure"]["clusters"][0]
    for bad in (
        a_structure(clusters=...),
        a_structure(fuel_release={"release": "9.0"}),
        a_structure(fuel_release=None),
        a_structure(clusters=[cluster | {"nodes": [{"id": 1}]}]),
        a_structure(clusters=[cluster | {"nodes": [a_node(1, os=None)]}]),
        a_structure(clusters_num="1"),
        {"installation_structure": None},
    ):
        reply = await collector.post("installation_structure", bad)

        assert reply.status == 400, bad
        assert reply.body["status"] == "error"
    assert collector.rows("SELECT structure FROM installation_structures") == [(before,)]
    assert collector.count("refused_items") == 7


GENERATIONS = [
    {
        "build_id": "2014-08-01",
        "ostf_sha": "a1",
        "astute_sha": "a2",
        "nailgun_sha": "a3",
        "fuellib_sha": "a4",
    },
    {
        "build_id": "2015-01-01",
        "ostf_sha": "b1",
        "astute_sha": "b2",
        "nailgun_sha": "b3",
        "fuelmain_sha": "b4",
    },
    {"build_id": "2015-05-01", "fuel-ostf_sha": "c1", "fuel-library_sha": "c2", "nailgun_sha": "c3"},
    {"python-fuelclient_sha": "d1", "fuel-library_sha": "d2", "fuel-ostf_sha": "d3"},
]


async def test_generations_of_release_information_are_accepted(collector):
    release = {"release": "7.0", "api": "1.0", "feature_groups": ["experimental"]}
    for number, shas in enumerate(GENERATIONS):
        reply = await collector.post(
            "installation_structure", a_structure(f"inst-{number}", fuel_release=release | shas)
        )
        assert reply.status == 201
    only_packages = a_structure("inst-p", fuel_release=..., fuel_packages=["fuel-9.0.0-1.mos8705.noarch"])
    only_packages["installation_structure"]["site"] = "kept"
    reply = await collector.post("installation_structure", only_packages)

    assert reply.status == 201
    query = "SELECT structure, release FROM installation_structures WHERE master_node_uid = 'inst-p'"
    ((structure, stored_release),) = collector.rows(query)
    assert stored_release is None
    assert json.loads(structure)["site"] == "kept"
    assert json.loads(structure)["fuel_packages"] == ["fuel-9.0.0-1.mos8705.noarch"]


NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
DAYS = {name: (NOW + timedelta(days=days)).isoformat() for name, days in (("tomorrow", 1), ("yesterday", -1))}
DATED = {
    "9.0": [
        {"build_id": "b1"},
        {"build_id": "b2", "from": DAYS["tomorrow"]},
        {"build_id": "b3", "from": DAYS["yesterday"]},
    ]
}
PACKAGES = {"9.0": [{"packages": ["p1", "p2"]}]}
FILTERED: list[tuple[Any, dict[str, Any], bool]] = [
    *(
        (DATED, {"build_id": name}, filtered)
        for name, filtered in (("b1", False), ("b2", True), ("b3", False), ("b9", True))
    ),
    (DATED, {}, False),
    (DATED, {"release": "8.0", "build_id": "b1"}, True),
    (PACKAGES, {"packages": ["p2", "p1"]}, False),
    (PACKAGES, {"packages": ["p1"]}, True),
    (PACKAGES, {"packages": ["p1", "p2", "p3"]}, True),
    (
        PACKAGES | {"9.0": [*PACKAGES["9.0"], {"build_id": "b1"}]},
        {"packages": ["p1", "p2"], "build_id": "b2"},
        True,
    ),
    ({}, {"build_id": "b1"}, False),
    (None, {"build_id": "b1"}, False),
    ({"9.0": None}, {"build_id": "b1"}, False),
    ({"9.0": {}}, {"build_id": "b1"}, True),
    ({"9.0": []}, {"build_id": "b1"}, True),
    ({"9.0": [{"build_id": "b1", "from": "2026-01-01"}]}, {"build_id": "b1"}, False),
    ({"9.0": [{"build_id": "b1", "from": "2026-07-01T11"}]}, {"build_id": "b1"}, True),
]


@pytest.mark.parametrize(("rules", "build", "is_filtered"), FILTERED)
def test_rules_for_builds_filter_an_installation(rules, build, is_filtered):
    structure: dict[str, Any] = {"fuel_release": {"release": build.get("release", "9.0")}}
    if "build_id" in build:
        structure["fuel_release"]["build_id"] = build["build_id"]
    if "packages" in build:
        structure["fuel_packages"] = build["packages"]

    assert build_rules_of(rules).is_filtered(structure, NOW) is is_filtered


async def test_a_structure_of_a_filtered_build_is_marked(database_url, tmp_path):
    options = IntakeOptions(build_rules=lambda: build_rules_of({"9.0": [{"build_id": "b1"}]}))
    async with running_collector(tmp_path, database_url, options) as running:
        for build in ("b1", "b9"):
            release = {"release": "9.0", "api": "1", "feature_groups": [], "build_id": build}
            await running.post("installation_structure", a_structure(build, fuel_release=release))
        marks = running.rows("SELECT master_node_uid, is_filtered FROM installation_structures ORDER BY 1")

    assert [bool(mark) for _, mark in marks] == [False, True]


async def test_a_workload_replaces_the_one_under_its_key(collector):
    first = await collector.post("oswl_stats", {"oswl_stats": [a_workload()]})
    changed = a_workload(resource_type="volume", resource_checksum="ffff", updated_time="11:00:00")
    second = await collector.post("oswl_stats", {"oswl_stats": [changed]})

    assert (first.statuses(), second.statuses()) == ({501: "added"}, {501: "updated"})
    query = "SELECT resource_type, resource_checksum, cluster_id FROM oswl_stats"
    assert collector.rows(query) == [("volume", "ffff", 3)]


BAD_WORKLOADS: dict[str, Any] = {
    "no date": a_workload(created_date="banana"),
    "a day that is not": a_workload(created_date="2026-02-30"),
    "no time": a_workload(updated_time="25:00:00"),
    "no resource type": a_workload(resource_type=...),
    "another resource type": a_workload(resource_type="router"),
    "a key of the sender": a_workload(is_sent=False),
    "no modified": a_workload(resource_data={"current": [], "added": [], "removed": []}),
    "a fifth list": a_workload(
        resource_data={"current": [], "added": [], "removed": [], "modified": [], "other": []}
    ),
    "null as version": a_workload(version_info=None),
    "null as list": a_workload(resource_data={"current": None, "added": [], "removed": [], "modified": []}),
    "null as id": a_workload() | {"id": None},
    "a fraction as cluster": a_workload(cluster_id=1.5),
    "a cluster past 64 bits": a_workload(cluster_id=2**64),
}


async def test_a_bad_workload_fails_alone(collector):
    for number, (name, bad) in enumerate(BAD_WORKLOADS.items()):
        reply = await collector.post("oswl_stats", {"oswl_stats": [a_workload(1000 + number), bad]})

        assert reply.status == 200, name
        assert sorted(reply.statuses().values()) == ["added", "failed"], name
        assert collector.count("oswl_stats") == number + 1, name


async def test_forms_of_version_dates_and_repeated_keys_of_workloads(collector):
    stamp = "2026-02-02T10:15:00.250000+00:00"
    items = [
        a_workload(1, version_info={}),
        a_workload(2, version_info={"fuel_version": None}),
        a_workload(3, version_info={"fuel_version": "9.0", "other": 1}),
        a_workload(4, created_date=stamp, updated_time=stamp),
        a_workload(5, resource_checksum="first"),
        a_workload(5, resource_checksum="last"),
    ]
    reply = await collector.post("oswl_stats", {"oswl_stats": items})

    assert reply.statuses() == dict.fromkeys(range(1, 6), "added")
    assert len(reply.body["oswl_stats"]) == 5
    rows = collector.rows(
        "SELECT external_id, created_date, updated_time, resource_checksum FROM oswl_stats ORDER BY 1"
    )
    assert [str(value) for value in rows[3][1:3]] == ["2026-02-02", "10:15:00.250000"]
    assert rows[4][3] == "last"


async def test_runs_of_health_checks_are_added_once(collector):
    first = await collector.post("ostf_runs", {"ostf_runs": [a_run(), a_run(8, status=5)]})
    again = await collector.post(
        "ostf_runs", {"ostf_runs": [a_run(status="stopped"), a_run(9, started_at="x")]}
    )

    assert first.statuses() == {7: "added", 8: "failed"}
    assert again.statuses() == {7: "existed", 9: "failed"}
    assert set(again.body["ostf_runs"][0]) == {"master_node_uid", "cluster_id", "external_id", "status"}
    assert collector.rows("SELECT status FROM ostf_runs") == [("finished",)]


@pytest.mark.parametrize("is_checked", [True, False])
async def test_a_response_that_breaks_its_schema_is_a_500_where_that_is_checked(
    sqlite_url, tmp_path, monkeypatch, is_checked
):
    broken = schemas.RESPONSES | {Doctype.OSWL: {"type": "array"}}
    monkeypatch.setattr(schemas, "RESPONSES", broken)
    from telemetry_server.fuel.collector import intake

    intake._response_checker.cache_clear()
    options = IntakeOptions(checks_responses=is_checked)
    async with running_collector(tmp_path, sqlite_url, options) as running:
        reply = await running.post("oswl_stats", {"oswl_stats": []})
    intake._response_checker.cache_clear()

    assert reply.status == (500 if is_checked else 200)
    assert reply.body["status"] == ("error" if is_checked else "ok")


async def test_requests_past_the_limits_are_413(sqlite_collector):
    collector = sqlite_collector
    many = await collector.post("action_logs", {"action_logs": [0] * 10_001})
    wide = await collector.post("action_logs", b" " * (8 << 20) + b"x")
    bomb = await collector.post("oswl_stats", gzip.compress(b" " * (9 << 20)), Content_Encoding="gzip")
    at_limit = await collector.post("action_logs", {"action_logs": [0] * 10_000})

    assert [reply.status for reply in (many, wide, bomb)] == [413] * 3
    assert at_limit.status == 200


async def test_gzip_is_inflated_and_other_encodings_are_refused(sqlite_collector):
    collector = sqlite_collector
    body = json.dumps({"action_logs": [a_task(1)]}).encode()
    zipped = gzip.compress(body)
    two_parts = gzip.compress(body[:9]) + gzip.compress(body[9:])
    good = await collector.post("action_logs", two_parts, Content_Encoding="gzip")
    cut = await collector.post("action_logs", zipped[:-3], Content_Encoding="gzip")
    other = await collector.post("action_logs", body, Content_Encoding="br")

    assert good.statuses() == {1: "added"}
    assert (cut.status, other.status) == (400, 400)


async def test_the_schemas_are_published(sqlite_collector):
    collector = sqlite_collector
    everything = (await collector.send("GET", "/api/v1/schemas/")).body
    for doctype in Doctype:
        reply = await collector.send("GET", f"/api/v1/schemas/{doctype}")

        assert reply.status == 200
        assert reply.body == everything[str(doctype)]
        assert reply.body["request"]["$schema"] == reply.body["response"]["$schema"]


async def test_a_database_that_comes_back_is_used_again(tmp_path, sqlite_url):
    """Here its table is renamed: every error that is not of a row means away."""
    async with running_collector(tmp_path, sqlite_url) as running:
        other = CollectorDatabase(sqlite_url)
        rename = "ALTER TABLE {} RENAME TO {}"
        other.write(lambda c: c.execute(sa.text(rename.format("action_log_keys", "away"))))
        away = await running.post("action_logs", {"action_logs": [a_task(1)]})
        other.write(lambda c: c.execute(sa.text(rename.format("away", "action_log_keys"))))
        back = await running.post("action_logs", {"action_logs": [a_task(1)]})
        other.close()

    assert (away.status, back.status) == (503, 200)
    assert back.statuses() == {1: "added"}


async def test_pings_and_other_pages_are_as_without_the_collector(sqlite_collector):
    collector = sqlite_collector
    async with collector.session.post(
        collector.address + "/submit/fuel/action_log/1/c0ffee00-1234-4abc-8def-0123456789ab", data=b"{}"
    ) as answer:
        assert answer.status == 200
    async with collector.session.get(collector.address + "/nowhere") as answer:
        assert (answer.status, await answer.text()) == (404, "not found\n")
    assert isinstance(collector.collector, Collector)
