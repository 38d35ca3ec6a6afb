"""The acceptance cases of a sender, against a collector that answers as the case wants."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from telemetry_server.fuel.recorder import Recorder, WorkloadRecorder
from telemetry_server.fuel.sender.config import BadSenderConfig, SenderConfig, read_config
from telemetry_server.fuel.sender.cycle import CycleResult, Ended, Sender
from telemetry_server.fuel.sender.record_lines import record_lines
from telemetry_server.fuel.sender.requests import requests_due
from telemetry_server.fuel.sender.sanitiser import Sanitiser
from telemetry_server.fuel.sender.settings_api import SettingsApi
from telemetry_server.fuel.sender_state.choices import changed_choices
from telemetry_server.fuel.sender_state.documents import (
    DROPPED,
    Kind,
    batches,
    quarantined,
    remove_old,
    unsent,
)
from telemetry_server.fuel.sender_state.state_file import CHOICES, StateFile
from tests.fuel.documents import a_run, a_structure, a_task, a_workload
from tests.fuel.fake_collector import FakeCollector, Got, Scripted, all_added, fake_collector

NOW = datetime(2026, 2, 3, 12, tzinfo=UTC)
OPTED_IN = {"send_anonymous_statistic": True, "user_choice_saved": True}


@pytest.fixture
def state(tmp_path) -> Iterator[StateFile]:
    """An open state file of a new installation."""
    opened = StateFile(tmp_path / "state.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def collector() -> Iterator[FakeCollector]:
    """A collector that takes everything."""
    with fake_collector() as running:
        yield running


def opt_in(state: StateFile, **choices: Any) -> None:
    """Save the user's choice."""
    state.save_choices(changed_choices(state.choices(), OPTED_IN | choices))


def a_sender(state: StateFile, collector: FakeCollector, now: datetime = NOW, **settings: Any) -> Sender:
    """Return a sender to *collector*."""
    config = SenderConfig(collector.url, state.path, **({"timeout_seconds": 5.0} | settings))
    return Sender(config, state, clock=lambda: now)


def record(state: StateFile, kind: str, *items: dict[str, Any]) -> None:
    """Record items as a product does, without a uid."""
    lines = [json.dumps({k: v for k, v in item.items() if k != "master_node_uid"}).encode() for item in items]
    record_lines(state, kind, lines, NOW.date())


def fill(state: StateFile, logs: int = 2) -> None:
    """Record a few documents of each kind."""
    record(state, "action_logs", *(a_task(n) for n in range(1, logs + 1)))
    record(state, "installation_structure", a_structure()["installation_structure"])
    record(state, "oswl_stats", a_workload(created_date="2026-02-01"))
    record(state, "ostf_runs", a_run())


def test_a_new_installation_sends_nothing(state, collector):
    fill(state)
    sender = a_sender(state, collector)
    result = sender.cycle()

    assert result.ended is Ended.OPTED_OUT
    assert collector.got == []
    assert all(270 <= sender.pause_after(result) <= 330 for _ in range(50))


def test_after_the_choice_everything_is_sent_in_order(state, collector):
    fill(state)
    opt_in(state)
    sender = a_sender(state, collector)
    result = sender.cycle()

    paths = [got.path.removeprefix("/api/v1/") for got in collector.got]
    assert paths == ["ping/", "action_logs/", "installation_structure/", "oswl_stats/", "ostf_runs/"]
    assert {got.headers["master-node-uid"] for got in collector.got} == {state.uid}
    assert (result.ended, result.sent, result.failed) == (Ended.DONE, 5, 0)
    assert all(3240 <= sender.pause_after(result) <= 3960 for _ in range(50))
    assert [unsent(state, kind) for kind in Kind] == [0, 0, 0, 0]


def test_with_the_box_cleared_logs_are_recorded_and_workloads_are_not(state, collector):
    opt_in(state, send_anonymous_statistic=False)
    recorder = Recorder(state)
    with recorder.task("deploy"):
        pass
    workloads = WorkloadRecorder(recorder)

    assert workloads.save(1, "vm", [{"id": "vm-1"}]) is False
    assert a_sender(state, collector).cycle().ended is Ended.OPTED_OUT
    assert collector.got == []
    assert (unsent(state, Kind.ACTION_LOGS), unsent(state, Kind.OSWL_STATS)) == (1, 0)


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"user_choice_saved": "yes"}', '{"other": 1}'])
def test_missing_or_damaged_choices_count_as_no(state, collector, text):
    if text is not None:
        state.set_fact(CHOICES, text)

    assert a_sender(state, collector).cycle().ended is Ended.OPTED_OUT
    assert collector.got == []


def test_one_cycle_sends_all_batches(state, collector):
    record(state, "action_logs", *(a_task(n) for n in range(250)))
    opt_in(state)
    a_sender(state, collector).cycle()

    assert [len(got.items) for got in collector.posts("action_logs")] == [100, 100, 50]
    assert unsent(state, Kind.ACTION_LOGS) == 0


def test_what_was_not_taken_is_sent_again(state, collector):
    statuses = {1: "added", 2: "existed", 3: "failed", 4: "skipped"}

    def answer(got: Got) -> Scripted:
        scripted = all_added(got)
        if got.path.endswith("action_logs/"):
            results = scripted.body["action_logs"]
            for item in results:
                item["status"] = statuses[item["external_id"]]
            results += [
                {"master_node_uid": "x", "external_id": 99, "status": "added"},
                {"external_id": [1], "status": "added"},
                "no object",
            ]
        return scripted

    collector.answer[0] = answer
    record(state, "action_logs", *(a_task(n) for n in statuses))
    opt_in(state)
    sender = a_sender(state, collector)
    sender.cycle()
    sender.cycle()

    assert [[item["external_id"] for item in got.items] for got in collector.posts("action_logs")] == [
        [1, 2, 3, 4],
        [3, 4],
    ]


BAD_ANSWERS = {
    "500": Scripted(500, {"status": "error", "message": "x"}),
    "status error": Scripted(200, {"status": "error", "message": "x"}),
    "no JSON": Scripted(200, "<html>"),
    "a list": Scripted(200, []),
    "too slow": Scripted(200, {"status": "ok"}, pause=0.6),
    "redirect": Scripted(302, {}, {"Location": "/api/v1/action_logs/"}),
    "not there": Scripted(404, {"status": "error", "message": "x"}),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_after_a_bad_answer_nothing_is_marked_and_the_next_try_is_soon(state, collector, name):
    collector.answer[0] = lambda got: all_added(got) if got.method == "GET" else BAD_ANSWERS[name]
    fill(state)
    opt_in(state)
    sender = a_sender(state, collector, timeout_seconds=0.3 if name == "too slow" else 5.0)
    result = sender.cycle()

    assert result.ended is Ended.FAILED
    assert result.detail
    assert len(collector.got) == 2
    assert unsent(state, Kind.ACTION_LOGS) == 2
    assert 270 <= sender.pause_after(result) <= 330


def test_a_collector_that_cannot_be_reached_is_tried_later_and_later(state, collector):
    opt_in(state)
    config = SenderConfig("http://127.0.0.1:1", state.path)
    sender = Sender(config, state, clock=lambda: NOW)
    pauses = [sender.pause_after(sender.cycle()) for _ in range(9)]

    for number, pause in enumerate(pauses):
        assert 0.9 * min(300 * 2**number, 6 * 3600) <= pause <= 1.1 * min(300 * 2**number, 6 * 3600)
    asked = CycleResult(Ended.FAILED, retry_after_seconds=21_000.0)
    assert a_sender(state, collector).pause_after(asked) == 21_000.0


def test_after_a_failed_ping_nothing_else_is_tried(state, collector):
    collector.answer[0] = lambda got: Scripted(503, {"status": "error"}, {"Retry-After": "400"})
    fill(state)
    opt_in(state)
    result = a_sender(state, collector).cycle()

    assert [got.path for got in collector.got] == ["/api/v1/ping/"]
    assert result.retry_after_seconds == 400


@pytest.mark.parametrize(("hold_back", "is_sent"), [(1, False), (0, True)])
def test_workloads_of_today_are_held_back(state, collector, hold_back, is_sent):
    record(state, "oswl_stats", a_workload(created_date=NOW.date().isoformat()))
    opt_in(state)
    a_sender(state, collector, oswl_hold_back_days=hold_back).cycle()

    assert bool(collector.posts("oswl_stats")) is is_sent


def test_a_workload_that_changes_after_it_was_sent_is_sent_again(state, collector):
    opt_in(state)
    workloads = WorkloadRecorder(Recorder(state), clock=lambda: NOW)
    sender = a_sender(state, collector, oswl_hold_back_days=0)
    for status in ("ACTIVE", "SHUTOFF"):
        workloads.save(1, "vm", [{"id": "vm-1", "status": status}])
        sender.cycle()

    sent = [got.items[0] for got in collector.posts("oswl_stats")]
    assert [item["id"] for item in sent] == [1, 1]
    (modified,) = sent[1]["resource_data"]["modified"]
    assert modified == {"id": "vm-1", "time": "12:00:00", "status": "ACTIVE"}


def test_an_unchanged_workload_is_one_record(state):
    opt_in(state)
    recorder = Recorder(state)
    days = [NOW + timedelta(minutes=15 * n) for n in range(10)] + [NOW + timedelta(days=1)]
    written = [
        WorkloadRecorder(recorder, clock=lambda day=day: day).save(1, "vm", [{"id": "vm-1"}]) for day in days
    ]

    assert written == [True] + [False] * 10
    assert unsent(state, Kind.OSWL_STATS) == 1


def the_workload(state: StateFile) -> dict[str, Any]:
    """Return the newest workload record."""
    *_, newest = batches(state, Kind.OSWL_STATS, 100, last_day=datetime.max.date())
    return newest[-1].item


def test_a_resource_removed_twice_in_a_day_is_shown_whole_once(state):
    opt_in(state)
    workloads = WorkloadRecorder(Recorder(state), clock=lambda: NOW)
    vm = {"id": "vm-1", "status": "ACTIVE", "name": "secret"}
    for resources in ([vm], [], [vm], []):
        assert workloads.save(1, "vm", resources)

    removed = the_workload(state)["resource_data"]["removed"]
    assert removed == [
        {"id": "vm-1", "status": "ACTIVE", "time": "12:00:00"},
        {"id": "vm-1", "time": "12:00:00"},
    ]


def test_an_environment_in_error_is_left_alone_and_a_deleted_one_is_empty(state):
    opt_in(state)
    workloads = WorkloadRecorder(Recorder(state), clock=lambda: NOW)
    workloads.save(1, "vm", [{"id": "vm-1"}])

    assert workloads.save(1, "vm", [], cluster_status="error") is False
    assert workloads.save(1, "vm", [{"id": "vm-1"}], cluster_status="remove") is True
    data = the_workload(state)["resource_data"]
    assert (data["current"], [resource["id"] for resource in data["removed"]]) == ([], ["vm-1"])


def test_the_identifier_is_created_once_and_never_changes(tmp_path):
    first = StateFile(tmp_path / "state.sqlite")
    again = StateFile(tmp_path / "state.sqlite")
    api = SettingsApi(first)
    status, shown = api.answer("PATCH", json.dumps({"master_node_uid": "other"}).encode())

    assert UUID(first.uid).version == 4
    assert (status, shown["master_node_uid"]) == (200, first.uid)
    assert again.uid == first.uid
    first.close()
    again.close()


SETTINGS_CASES: list[tuple[str, Any, int]] = [
    ("GET", None, 200),
    ("PUT", OPTED_IN, 200),
    ("PATCH", {"contact": {"name": "Ada"}}, 200),
    ("PATCH", {"send_anonymous_statistic": "yes"}, 400),
    ("PATCH", {"contact": {"phone": "1"}}, 400),
    ("PATCH", {"unknown": 1}, 400),
    ("PATCH", [], 400),
    ("DELETE", None, 405),
    ("POST", {}, 405),
]


@pytest.mark.parametrize(("method", "body", "status"), SETTINGS_CASES)
def test_the_settings_api_answers(state, method, body, status):
    before = state.choices()
    answered, content = SettingsApi(state).answer(method, b"" if body is None else json.dumps(body).encode())

    assert answered == status
    assert ("master_node_uid" in content) == (status == 200)
    if status != 200:
        assert state.choices() == before


def test_put_replaces_and_patch_changes(state):
    api = SettingsApi(state)
    api.answer(
        "PUT", json.dumps(OPTED_IN | {"contact": {"name": "Ada", "email": "ada@example.org"}}).encode()
    )
    api.answer("PATCH", json.dumps({"contact": {"email": "lovelace@example.org"}}).encode())
    assert state.choices().opted_in
    assert state.choices().contact.name == "Ada"
    api.answer("PUT", b"{}")

    assert not state.choices().opted_in
    assert state.choices().contact.name == ""


def test_the_preview_is_what_is_sent(state, collector):
    fill(state, logs=150)
    opt_in(state)
    preview = list(requests_due(state, Sanitiser(state.uid, state.secret), NOW, oswl_hold_back_days=1))
    a_sender(state, collector).cycle()

    sent = [(got.path, got.body) for got in collector.got if got.method == "POST"]
    assert [(request.path, request.body) for request in preview] == sent


def test_the_output_of_a_task_without_a_list_is_null(state, collector):
    outputs = {"deploy": {"nodes": [1]}, "capacity_log": {"roles_stat": {"compute": 2, "A b": 1}, "other": 1}}
    for number, (name, output) in enumerate(outputs.items()):
        task = a_task(number, action_name=name)
        task["body"]["additional_info"] |= {"output": output, "message": "text"}
        record(state, "action_logs", task)
    opt_in(state)
    a_sender(state, collector).cycle()

    infos = [item["body"]["additional_info"] for item in collector.posts("action_logs")[0].items]
    assert [info["output"] for info in infos] == [None, {"roles_stat": {"compute": 2}}]
    assert [info["message"] for info in infos] == [None, None]


def test_one_refused_document_does_not_hold_up_the_others(state, collector):
    def answer(got: Got) -> Scripted:
        is_bad = got.path.endswith("action_logs/") and any(item["external_id"] == 37 for item in got.items)
        return Scripted(400, {"status": "error", "message": "x"}) if is_bad else all_added(got)

    collector.answer[0] = answer
    record(state, "action_logs", *(a_task(n) for n in range(100)))
    opt_in(state)
    sender = a_sender(state, collector)
    results = [sender.cycle() for _ in range(4)]

    assert (results[0].sent, results[0].failed) == (99, 1)
    assert [result.failed for result in results] == [1, 1, 1, 0]
    assert all(result.ended is Ended.DONE for result in results)
    assert (unsent(state, Kind.ACTION_LOGS), quarantined(state)) == (0, 1)
    record(state, "action_logs", a_task(37, action_name="update"))
    assert (unsent(state, Kind.ACTION_LOGS), quarantined(state)) == (1, 0)


@pytest.mark.parametrize("is_ticked", [False, True])
def test_the_contact_is_sent_only_where_its_box_is_ticked(state, collector, is_ticked):
    contact = {"name": "Ada Doe", "email": "ada@example.org", "company": "Example Ltd"}
    record(state, "installation_structure", a_structure()["installation_structure"])
    opt_in(state, contact=contact, contact_info_provided=is_ticked)
    a_sender(state, collector).cycle()

    (got,) = collector.posts("installation_structure")
    expected = {"contact_info_provided": True, **contact} if is_ticked else {"contact_info_provided": False}
    assert json.loads(got.body)["installation_structure"]["user_information"] == expected


def test_an_opt_out_holds_from_the_next_request_on(state, collector):
    def answer(got: Got) -> Scripted:
        if got.path.endswith("action_logs/"):
            SettingsApi(StateFile(state.path)).answer("PATCH", b'{"send_anonymous_statistic": false}')
        return all_added(got)

    collector.answer[0] = answer
    fill(state, logs=250)
    opt_in(state)
    result = a_sender(state, collector).cycle()

    assert result.ended is Ended.OPTED_OUT
    assert len(collector.got) == 2
    assert unsent(state, Kind.ACTION_LOGS) == 150


def test_what_changes_while_it_is_sent_is_sent_again(state, collector):
    def answer(got: Got) -> Scripted:
        if got.path.endswith("action_logs/"):
            record(StateFile(state.path), "action_logs", a_task(1, action_name="update"))
        return all_added(got)

    collector.answer[0] = answer
    record(state, "action_logs", a_task(1), a_task(2))
    opt_in(state)
    a_sender(state, collector).cycle()

    assert unsent(state, Kind.ACTION_LOGS) == 1


def test_old_documents_are_removed_and_counted(state):
    record(state, "action_logs", a_task(1), a_task(2))
    removed = remove_old(state, NOW.date() + timedelta(days=31))

    assert removed == 2
    assert int(state.fact(DROPPED) or 0) == 2
    with Recorder(state).task("deploy") as task:
        pass
    assert task.id == 3  # an id is never used twice


def test_the_first_cycle_after_the_choice_begins_at_a_random_time(state, collector):
    sender = a_sender(state, collector, first_delay_seconds=3600.0)
    assert sender._before_first_cycle() == 0
    opt_in(state)
    first = sender._before_first_cycle()

    assert 0 < first <= 3600
    assert sender._before_first_cycle() == first
    assert a_sender(state, collector, NOW + timedelta(hours=1, seconds=1))._before_first_cycle() <= 0


def test_a_large_structure_is_sent_compressed(state, collector):
    structure = a_structure()["installation_structure"]
    structure["clusters"][0]["nodes"] *= 4000
    record(state, "installation_structure", structure)
    opt_in(state)
    a_sender(state, collector).cycle()

    (got,) = collector.posts("installation_structure")
    assert got.headers["content-encoding"] == "gzip"
    assert len(json.loads(got.body)["installation_structure"]["clusters"][0]["nodes"]) == 8000


def test_only_its_owner_reads_the_state_file(state):
    assert state.path.stat().st_mode & 0o077 == 0
    with sqlite3.connect(state.path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    connection.close()


BAD_CONFIGS = {
    'collector = "https://c.example.org"': "state is missing",
    'state = "s"\ncollector = "ftp://x"': "collector",
    'state = "s"\ncollector = "https://x"\nintervall_seconds = 3': "intervall_seconds",
    'state = "s"\ncollector = "https://x"\ninterval_seconds = "1h"': "interval_seconds",
    'state = "s"\ncollector = "https://x"\noswl_hold_back_days = 1.5': "oswl_hold_back_days",
    "state = ": "not TOML",
}


@pytest.mark.parametrize("text", BAD_CONFIGS)
def test_a_wrong_configuration_is_named(tmp_path, text):
    file = tmp_path / "sender.toml"
    file.write_text(text)

    with pytest.raises(BadSenderConfig, match=BAD_CONFIGS[text]):
        read_config(file)


def test_a_configuration_with_its_defaults(tmp_path):
    file = tmp_path / "sender.toml"
    file.write_text('collector = "https://c.example.org/base/"\nstate = "s.sqlite"\n')

    assert read_config(file) == SenderConfig("https://c.example.org/base", Path(tmp_path / "s.sqlite"))
