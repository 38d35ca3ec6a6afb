"""Failure reports from a sender to a sink, by commands, and what `doctor` finds."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from telemetry_server.fuel.database.migrating import migrate
from telemetry_server.fuel.notifications.sink import NotDelivered
from telemetry_server.fuel.recorder import Recorder
from telemetry_server.fuel.sender.config import read_config
from telemetry_server.fuel.sender.cycle import Ended, Sender
from telemetry_server.fuel.sender_state.documents import Kind, unsent
from telemetry_server.fuel.sender_state.state_file import StateFile
from tests.fuel.documents import a_structure
from tests.fuel.fake_collector import Got, Scripted, fake_collector
from tests.fuel.test_commands import data, logs_as_before  # noqa: F401 - fixtures
from tests.fuel.test_notifications import Outbox

WHO = ("--name", "Ada Doe", "--email", "ada@example.org", "--company", "Example Ltd")


def accepts(got: Got) -> Scripted:
    """Answer as a collector that takes failure reports."""
    if got.path == "/api/v1/failure_reports/":
        report_id = json.loads(got.body)["failure_report"]["report_id"]
        answer = {"report_id": report_id, "status": "accepted"}
        return Scripted(202, {"status": "ok", "exec_time": 0.1, "failure_report": answer})
    return Scripted(200, {"status": "ok", "exec_time": 0.1})


@pytest.fixture
def config(tmp_path) -> Path:
    """The configuration of a sender whose collector does not answer."""
    file = tmp_path / "sender.toml"
    file.write_text('collector = "http://127.0.0.1:1"\nstate = "state.sqlite"\n')
    return file


def pointed_at(config: Path, url: str) -> None:
    """Write the address of a collector into the configuration."""
    config.write_text(f'collector = "{url}"\nstate = "state.sqlite"\n')


def test_a_failure_is_reported_with_the_contact_at_once(command, config):
    where = ("--config", str(config))
    command("fuel-sender", "opt-in", *WHO, *where)
    recorder = Recorder(config.parent / "state.sqlite")
    recorder.state.set_fact("structure", json.dumps(a_structure()["installation_structure"]))
    recorder.state.close()
    with fake_collector() as collector:
        collector.answer.append(accepts)
        pointed_at(config, collector.url)
        summary = ("--summary", "node db1.example.net does not answer", "--type", "deploy")
        done, _ = command(
            "fuel-sender", "fail", "--operation", "deploy", "--cluster", "3", *summary, "--json", *where
        )
        (got,) = collector.got

    report = json.loads(got.body)["failure_report"]
    assert json.loads(done) == {"report_id": report["report_id"], "sent": True, "detail": ""}
    assert report["contact"] == {
        "last_name": "Doe",
        "first_name": "Ada",
        "email": "ada@example.org",
        "company": "Example Ltd",
        "phone": None,
        "job_title": None,
        "country": None,
    }
    assert report["error"]["summary"] == "node [host_name] does not answer"
    assert report["environment"] == {
        "release": "mitaka-9.0",
        "os": "Ubuntu",
        "mode": "ha_compact",
        "nodes_num": 2,
    }


def test_without_a_contact_nothing_is_sent(command, config):
    where = ("--config", str(config))
    with fake_collector() as collector:
        pointed_at(config, collector.url)
        _, said = command("fuel-sender", "fail", "--operation", "deploy", *where, status=1)
        assert "opt-in" in said
        command("fuel-sender", "opt-in", "--name", "Ada", *where)
        out, said = command("fuel-sender", "fail", "--operation", "deploy", "--json", *where, status=1)
        assert collector.got == []

    assert "contact" in said
    assert json.loads(out)["sent"] is False


def test_a_failed_deployment_is_reported_by_itself_and_kept_while_the_collector_is_away(command, config):
    where = ("--config", str(config))
    command("fuel-sender", "fail", *where, status=2)
    command("fuel-sender", "opt-in", *WHO, *where)
    recorder = Recorder(config.parent / "state.sqlite")
    for name, parent in (("deploy", None), ("verify_networks", None)):
        task = recorder.task(name, cluster_id=3, parent=parent)
        task.nodes = [4, 5]
        task.finish("error")
    part = recorder.task("deployment", cluster_id=3, parent=task)
    part.finish("error")
    assert unsent(recorder.state, Kind.FAILURE_REPORTS) == 1
    assert Sender(read_config(config), recorder.state).send_failures().ended is Ended.FAILED
    preview, _ = command("fuel-sender", "preview", "--json", *where)
    with fake_collector() as collector:
        collector.answer.append(accepts)
        pointed_at(config, collector.url)
        result = Sender(read_config(config), recorder.state).send_failures()
        again = Sender(read_config(config), recorder.state).send_failures()
        (got,) = collector.got

    assert (result.sent, again.sent) == (1, 0)
    report = json.loads(got.body)["failure_report"]
    assert (report["operation"], report["cluster_id"], report["external_id"]) == ("deploy", 3, 1)
    assert [node["id"] for node in report["error"]["failed_nodes"]] == [4, 5]
    assert json.loads(preview)["requests"][0]["body"]["failure_report"] == report
    recorder.state.close()


def test_a_contact_that_was_withdrawn_is_not_sent(command, config):
    where = ("--config", str(config))
    command("fuel-sender", "opt-in", *WHO, *where)
    command("fuel-sender", "fail", "--operation", "deploy", *where, status=5)
    command("fuel-sender", "contact", "--remove", *where)
    state = StateFile(config.parent / "state.sqlite")
    with fake_collector() as collector:
        pointed_at(config, collector.url)
        Sender(read_config(config), state).send_failures()
        state.close()
        assert collector.got == []


class Unreachable:
    """A sink that never delivers."""

    label = "unreachable"

    def send(self, _message: object, *, may_be_there: bool) -> None:
        """Fail."""
        raise NotDelivered("away")


@pytest.fixture
def given_up(data, tmp_path) -> Outbox:  # noqa: F811
    """A data root whose one message was given up."""
    url = f"sqlite:///{data}/state/fuel.sqlite"
    migrate(url)
    with closing(Outbox(url, tmp_path)) as outbox:
        outbox.report()
        notifier = outbox.notifier(Unreachable())
        while outbox.states() != ["dead"]:
            notifier.turn()
            outbox.wait(4000)
        return outbox


def test_messages_that_were_given_up_are_listed_and_tried_again(command, data, given_up):  # noqa: F811
    where = ("--data", str(data))
    listed, _ = command("fuel", "messages", "--json", *where)
    shown, _ = command("fuel", "messages", *where)
    retried, _ = command("fuel", "messages", "--retry", "--json", *where)
    open_now, _ = command("fuel", "messages", "--json", *where)

    (row,) = json.loads(listed)
    assert (row["state"], row["sink"], row["failures"], row["last_error"]) == (
        "dead",
        "unreachable",
        6,
        "away",
    )
    assert "unreachable" in shown
    assert json.loads(retried) == {"tried_again": 1}
    assert json.loads(open_now)[0]["state"] == "due"


def test_contacts_are_removed_by_command(command, data, given_up):  # noqa: F811
    where = ("--data", str(data), "--json")
    first, _ = command("fuel", "remove-contacts", "inst-aurora", *where)
    second, _ = command("fuel", "remove-contacts", "inst-aurora", *where)

    assert (json.loads(first), json.loads(second)) == ({"removed": 1}, {"removed": 0})


def test_doctor_finds_messages_and_keys_in_trouble(command, data, given_up, monkeypatch, tmp_path):  # noqa: F811
    def found() -> dict[str, bool]:
        out, _ = command("doctor", "--json", "--data", str(data), status=1)
        return {f["detail"]: f["ok"] for f in json.loads(out)["findings"] if f["check"] == "fuel"}

    monkeypatch.setenv("TELEMETRY_FUEL", "true")
    key = tmp_path / "elsewhere.key"
    key.write_text("k" * 40)
    key.chmod(0o644)
    monkeypatch.setenv("TELEMETRY_FUEL_CONTACT_KEY_FILE", str(key))
    details = found()
    assert [ok for detail, ok in details.items() if "given up" in detail] == [False]
    assert [ok for detail, ok in details.items() if "other users" in detail] == [False]
    key.chmod(0o600)
    command("fuel", "messages", "--retry", "--data", str(data))
    assert [ok for detail, ok in found().items() if "names no sink" in detail] == [False]


WRONG = {
    "FUEL_NOTIFY": ("ftp://x", "smtp://user:geheim@host:port", "file:"),
    "FUEL_CONTACT_KEY_FILE": ("{data}/key", "{tmp}/short", "{tmp}/none/key"),
}


def test_wrong_settings_of_failure_reports_are_one_line(command, data, monkeypatch, tmp_path):  # noqa: F811
    monkeypatch.setenv("TELEMETRY_FUEL", "true")
    (tmp_path / "short").write_text("short")
    for name, values in WRONG.items():
        for value in values:
            with monkeypatch.context() as patched:
                patched.setenv(f"TELEMETRY_{name}", value.format(data=data, tmp=tmp_path))
                _, said = command("config", "check", "--data", str(data), status=78)
                assert said.count("\n") == 1
                assert name.lower() in said
                assert "geheim" not in said
    monkeypatch.setenv("TELEMETRY_FUEL_NOTIFY", "smtp://user:geheim@mail.example.org,file:/tmp/x")
    shown, _ = command("config", "show", "--data", str(data))
    assert "geheim" not in shown
    assert "mail.example.org" in shown


def test_a_sender_speaks_plain_http_to_its_own_machine_only(command, config):
    for url, status in (
        ("http://127.0.0.1:1", 0),
        ("http://[::1]:1/x", 0),
        ("http://localhost", 0),
        ("https://collector.example.org", 0),
        ("http://collector.example.org", 78),
        ("http://10.0.0.1:8080", 78),
    ):
        pointed_at(config, url)
        command("fuel-sender", "status", "--config", str(config), status=status)
