"""The commands `fuel` and `fuel-sender`."""

import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from telemetry_server.fuel.database.collector_database import HEAD
from tests.fuel.documents import a_task, a_workload
from tests.fuel.fake_collector import fake_collector
from tests.fuel.test_database import fill


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A command that logs sets up the logs of this process; afterwards they are as before."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.fixture
def data(tmp_path) -> Path:
    """A data root."""
    folder = tmp_path / "data"
    (folder / "state").mkdir(parents=True)
    return folder


def test_a_file_that_is_not_a_database_is_one_line_and_5(command, data):
    """As for every other action: the operator mends it, and tries again."""
    (data / "state/fuel.sqlite").write_text("no database\n" * 100)
    for words in (("migrate",), ("migrate", "--check"), ("failed",)):
        _, said = command("fuel", *words, "--data", str(data), status=5)
        assert said == "telemetry-server fuel: the Fuel database is away: file is not a database\n"


def test_a_user_who_may_not_create_tables_is_one_line_and_5(command, data, postgresql, monkeypatch):
    """PostgreSQL 15 and later lets only the owner of a database create tables in `public`."""
    postgresql.run("CREATE DATABASE closed")
    postgresql.run("REVOKE CREATE ON SCHEMA public FROM PUBLIC", "closed")
    postgresql.run("CREATE ROLE guest LOGIN")
    url = postgresql.url("closed").replace("tester@", "guest@")
    monkeypatch.setenv("TELEMETRY_FUEL_DATABASE_URL", url)
    _, said = command("fuel", "migrate", "--data", str(data), status=5)

    assert "permission denied for schema public" in said
    assert said.count("\n") == 1


def test_the_schema_is_checked_and_migrated(command, data):
    where = ("--data", str(data))
    command("fuel", "migrate", "--check", *where, status=1)
    before, _ = command("fuel", "migrate", "--json", *where)
    after, _ = command("fuel", "migrate", "--check", "--json", *where)

    for text, version in ((before, None), (after, HEAD)):
        found = json.loads(text)
        analytics = found.pop("databases")[1]
        assert found == {"database": "collector", "before": version, "after": HEAD, "newest": HEAD}
        assert analytics["database"] == "analytics"
        assert analytics["after"] == analytics["newest"]


@pytest.mark.parametrize(
    "words",
    [
        ("failed", "--json"),
        ("partitions",),
        ("messages",),
        ("messages", "--retry"),
        ("remove-contacts", "a-uid"),
        ("etl",),
        ("backup", "{file}"),
    ],
)
def test_a_database_that_does_not_exist_yet_is_not_created_by_reading_it(command, data, tmp_path, words):
    """The line says what makes it."""
    file = tmp_path / "fuel.backup"

    shown, talk = command("fuel", *(word.format(file=file) for word in words), "--data", str(data), status=5)

    assert shown == ""
    assert talk == (
        f"telemetry-server fuel: the Fuel database is away: {data}/state/fuel.sqlite does not exist yet:"
        " start serve with fuel = true, or run telemetry-server fuel migrate\n"
    )
    assert list((data / "state").iterdir()) == []
    assert not file.exists()


def test_a_database_without_a_schema_is_said_to_have_none(command, data):
    """A file of SQLite without tables is empty."""
    (data / "state" / "fuel.sqlite").touch()

    _, talk = command("fuel", "failed", "--data", str(data), status=5)

    assert talk.endswith("it has no schema yet: run telemetry-server fuel migrate\n")


def test_a_database_is_looked_after(command, data, tmp_path):
    where = ("--data", str(data))
    command("fuel", "migrate", *where)
    url = f"sqlite:///{data}/state/fuel.sqlite"
    fill(url)
    failed, _ = command("fuel", "failed", "--json", "--items", *where)
    partitions, _ = command("fuel", "partitions", "--json", *where)
    backup = tmp_path / "fuel.backup"
    made, _ = command("fuel", "backup", str(backup), "--database", "collector", "--json", *where)
    command("fuel", "backup", str(backup), *where, status=4)
    fill(url, 9)
    command("fuel", "restore", str(backup), *where)
    restored, _ = command("fuel", "partitions", "--json", *where)
    shutil.rmtree(data / "state")
    command("fuel", "failed", *where, status=5)

    entries = json.loads(failed)
    assert len(entries) == 2
    names = {
        "received_at",
        "doctype",
        "master_node_uid",
        "external_id",
        "reason",
        "last_received_at",
        "times",
        "item",
    }
    assert entries[0].keys() == names
    assert json.loads(made)["bytes"] == backup.stat().st_size
    assert [entry["rows"] for entry in json.loads(partitions)] == [3, 3]
    assert json.loads(restored) == json.loads(partitions)


def test_wrong_urls_and_files_are_one_line(command, data, monkeypatch, tmp_path):
    where = ("--data", str(data))
    (tmp_path / "text").write_text("hello")
    command("fuel", "restore", str(tmp_path / "text"), *where, status=4)
    for url, status in (
        ("mysql://x/y", 78),
        ("postgresql+asyncpg://x/y", 78),
        ("postgresql+psycopg://user:geheim@127.0.0.1:99999/none", 78),
        ("postgresql+psycopg://user:geheim@127.0.0.1:1/none", 5),
    ):
        monkeypatch.setenv("TELEMETRY_FUEL_DATABASE_URL", url)
        _, said = command("fuel", "failed", *where, status=status)

        assert said.count("\n") == 1
        assert "geheim" not in said
    monkeypatch.setenv("TELEMETRY_FUEL_DATABASE_URL", "postgresql://user:geheim@127.0.0.1:1/none")
    shown, _ = command("config", "show", *where)
    assert "user:***@127.0.0.1" in shown
    assert "geheim" not in shown


def test_a_wrong_file_of_builds_is_named(command, data, tmp_path, monkeypatch):
    builds = tmp_path / "builds.json"
    monkeypatch.setenv("TELEMETRY_FUEL", "true")
    monkeypatch.setenv("TELEMETRY_FUEL_BUILDS_FILE", str(builds))
    for text in ("{", "[]", '{"9.0": [{"id": "b1"}]}', '{"9.0": [{"build_id": "b1", "from": "soon"}]}'):
        builds.write_text(text)
        _, said = command("config", "check", "--data", str(data), status=78)

        assert str(builds) in said
    builds.write_text('{"9.0": [{"build_id": "b1", "from": "2026-01-01"}], "9.1": null}')
    command("config", "check", "--data", str(data))


def test_a_sender_is_used_by_its_commands(command, tmp_path):
    with fake_collector() as collector:
        config = tmp_path / "sender.toml"
        config.write_text(f'collector = "{collector.url}"\nstate = "state.sqlite"\n')
        where = ("--config", str(config))
        lines = tmp_path / "logs.jsonl"
        lines.write_text("\n".join(json.dumps(a_task(n)) for n in range(3)))
        command("fuel-sender", "record", "action_logs", str(lines), *where)
        lines.write_text(json.dumps(a_workload(created_date="2026-02-01")))
        command("fuel-sender", "record", "oswl_stats", str(lines), *where)
        before, _ = command("fuel-sender", "status", "--json", *where)
        nothing, _ = command("fuel-sender", "once", *where)
        preview, _ = command("fuel-sender", "preview", "--json", *where)
        assert collector.got == []

        command("fuel-sender", "opt-in", "--name", "Ada", "--email", "ada@example.org", *where)
        command("fuel-sender", "contact", "--company", "Example", *where)
        once, _ = command("fuel-sender", "once", "--json", *where)
        sent = [
            {"method": got.method, "path": got.path, "body": json.loads(got.body)}
            for got in collector.got[1:]
        ]
        after, _ = command("fuel-sender", "status", "--json", *where)
        log, _ = command("fuel-sender", "log", "--json", "--limit", "2", *where)
        contact, _ = command("fuel-sender", "contact", "--json", *where)
        command("fuel-sender", "contact", "--remove", *where)
        out, _ = command("fuel-sender", "opt-out", "--json", *where)
        collector.got.clear()
        command("fuel-sender", "once", *where)

    found = json.loads(before)
    assert found["unsent"] == {"action_logs": 3, "oswl_stats": 1}
    assert (found["opted_in"], found["user_choice_saved"], found["quarantined"]) == (False, False, 0)
    assert "nothing was sent" in nothing
    assert json.loads(preview)["requests"] == sent
    assert json.loads(once)["sent"] == 4
    assert json.loads(after)["unsent"]["action_logs"] == 0
    assert [entry["external_id"] for entry in json.loads(log)] == [1, 2]
    assert json.loads(contact)["contact"] == {"name": "Ada", "email": "ada@example.org", "company": "Example"}
    assert json.loads(out)["opted_in"] is False
    assert collector.got == []


def test_a_sender_says_what_is_wrong(command, tmp_path):
    config = tmp_path / "sender.toml"
    config.write_text('collector = "http://127.0.0.1:1"\nstate = "state.sqlite"\n')
    where = ("--config", str(config))
    lines = tmp_path / "lines"
    for text in ("{", "[]", '{"body": {}}', '{"external_id": 1}'):
        lines.write_text(text)
        _, said = command("fuel-sender", "record", "action_logs", str(lines), *where, status=4)
        assert "line 1" in said
    command("fuel-sender", "record", "action_logs", str(tmp_path / "none"), *where, status=4)
    command("fuel-sender", "status", "--config", str(tmp_path / "none"), status=78)
    (tmp_path / "text").write_text("no database, and long enough to be none" * 10)
    broken = tmp_path / "broken.toml"
    broken.write_text(config.read_text().replace("state.sqlite", "text"))
    command("fuel-sender", "status", "--config", str(broken), status=78)
    command("fuel-sender", "opt-in", *where)
    _, said = command("fuel-sender", "once", *where, status=5)
    described, _ = command("fuel-sender", "describe")
    assert "Never sent" in described


def test_reports_are_printed(command, data):
    """After an ETL; without one the database is away, and a wrong name or day is a wrong use."""
    where = ("--data", str(data))
    command("fuel", "migrate", *where)
    fill(f"sqlite:///{data}/state/fuel.sqlite")
    (data / "state/fuel-analytics.sqlite").unlink()
    _, said = command("fuel", "report", "os", *where, status=5)
    assert "run telemetry-server fuel etl" in said
    loaded, _ = command("fuel", "etl", "--json", *where)
    again, _ = command("fuel", "etl", *where)
    rebuilt, _ = command("fuel", "etl", "--rebuild", "--json", *where)

    assert json.loads(loaded) == json.loads(rebuilt)
    assert json.loads(loaded)["moved"]["action_logs"] == 3
    assert "action_logs                      0" in again
    text, _ = command("fuel", "report", "deployment-time", "--from", "2026-01-01", *where)
    assert "mean2,730" in text.replace(" ", "")
    out, _ = command("fuel", "report", "releases", "--json", *where)
    assert json.loads(out)["tables"]["installations"] == [{"value": "9.0", "count": 1}]
    out, _ = command("fuel", "report", "distribution", "--of", "Operation_Type", "--csv", *where)
    assert out.splitlines()[-1] == "values,deploy,3,1"
    _, said = command("fuel", "report", "none", *where, status=2)
    assert "workload" in said
    _, said = command("fuel", "report", "distribution", *where, status=2)
    assert "distribution needs a category; known are admin-network" in said
    assert "kernel-parameters" in said
    command("fuel", "report", "os", "--csv", "--json", *where, status=2)
    command("fuel", "report", "os", "--from", "20260101", *where, status=2)


def test_the_analytics_database_is_backed_up_and_restored(command, data, tmp_path):
    """The file itself says which database it is of."""
    where = ("--data", str(data))
    command("fuel", "migrate", *where)
    fill(f"sqlite:///{data}/state/fuel.sqlite")
    command("fuel", "etl", *where)
    backup = tmp_path / "analytics.backup"
    command("fuel", "backup", str(backup), "--database", "analytics", *where)
    (data / "state/fuel-analytics.sqlite").unlink()
    restored, _ = command("fuel", "restore", str(backup), "--json", *where)

    assert json.loads(restored)["database"] == "analytics"
    out, _ = command("fuel", "report", "distribution", "--of", "operation-type", "--json", *where)
    assert json.loads(out)["tables"]["values"] == [{"value": "deploy", "count": 3, "installations": 1}]
