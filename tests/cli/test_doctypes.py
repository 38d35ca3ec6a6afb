"""``doctypes``: list, show, check, import."""

import json

import pytest

from telemetry_server.cli.exit_status import ExitStatus

SCHEMA = {"type": "object", "required": ["litres"], "properties": {"litres": {"type": "number"}}}
PATH = "garden/watering/watering.1.schema.json"


@pytest.fixture
def schemas(tmp_path):
    """A checkout with one good schema and one broken."""
    good = tmp_path / "checkout/schemas" / PATH
    good.parent.mkdir(parents=True)
    good.write_text(json.dumps(SCHEMA))
    broken = good.with_name("watering.2.schema.json")
    broken.write_text('{"type": 7}')
    return tmp_path / "checkout"


@pytest.fixture
def mine(tmp_path, schemas, command):
    """The operator's folder, after an import."""
    folder = tmp_path / "mine"
    command("doctypes", "import", str(schemas), "--schemas-dir", str(folder), status=ExitStatus.FINDINGS)
    return folder


def test_an_import_takes_the_good_and_names_the_bad(tmp_path, schemas, command):
    """With 1, since something was refused."""
    words = ("doctypes", "import", str(schemas), "--schemas-dir", str(tmp_path / "new"), "--json")
    said = json.loads(command(*words, status=ExitStatus.FINDINGS)[0])

    assert said["taken"] == ["garden/watering/1"]
    assert [refused["file"] for refused in said["refused"]] == ["garden/watering/watering.2.schema.json"]
    assert [path.name for path in (tmp_path / "new").rglob("*.json")] == ["watering.1.schema.json"]


def test_an_import_needs_a_folder_to_go_to(schemas, command):
    """One line that says which setting it is."""
    _, talk = command("doctypes", "import", str(schemas), status=ExitStatus.CONFIGURATION)

    assert "--schemas-dir" in talk


def test_the_list_shows_ours_and_theirs(mine, command):
    """And where each comes from."""
    said = json.loads(command("doctypes", "list", "--json", "--schemas-dir", str(mine))[0])

    assert {"schemas_dir", "this package"} == {entry["from"] for entry in said}
    assert [e["namespace"] for e in said if e["from"] == "schemas_dir"] == ["garden"]


def test_a_schema_is_shown_as_it_is(mine, command):
    """Without a version, the highest."""
    for name in ("garden/watering/1", "garden/watering"):
        assert json.loads(command("doctypes", "show", name, "--schemas-dir", str(mine))[0]) == SCHEMA
    command("doctypes", "show", "garden/nothing", status=ExitStatus.FINDINGS)


@pytest.mark.parametrize(
    "case",
    [
        ('{"litres": 3}', ("--as", "garden/watering/1"), ExitStatus.DONE, "a valid garden/watering/1"),
        ('{"litres": "3"}', ("--as", "garden/watering/1"), ExitStatus.FINDINGS, "litres: a string, but type"),
        (
            '{"ver": 1, "info": {"reason": "idle-daily"}}',
            (),
            ExitStatus.DONE,
            "a valid telemetry/idle-daily/1",
        ),
        ('{"version": 4, "type": "main"}', (), ExitStatus.FINDINGS, "required: application"),
        ('{"litres": 3}', (), ExitStatus.FINDINGS, "--as"),
        ('{"litres": 3}', ("--as", "garden/watering/9"), ExitStatus.FINDINGS, "no schema is registered"),
        ("[1]", ("--as", "garden/watering/1"), ExitStatus.BAD_INPUT, "not an object"),
    ],
)
def test_a_ping_is_held_against_its_schema(tmp_path, mine, command, case):
    """What it is, it says itself, or --as does."""
    text, words, status, says = case
    (tmp_path / "ping.json").write_text(text)
    shown, talk = command(
        "doctypes", "check", str(tmp_path / "ping.json"), *words, "--schemas-dir", str(mine), status=status
    )

    assert says in shown + talk


def test_every_violation_is_told(tmp_path, mine, command):
    """As JSON too."""
    (tmp_path / "garden").mkdir()
    file = tmp_path / "garden/watering.1.sample.json"
    file.write_text("{}")
    words = ("doctypes", "check", str(file), "--json", "--schemas-dir", str(mine))
    said = json.loads(command(*words, status=ExitStatus.FINDINGS)[0])

    assert said["doctype"] == "garden/watering/1"
    assert said["valid"] is False
    assert said["violations"] == ["the ping itself: an object, but required: litres"]


def test_a_schema_file_is_checked_as_such(schemas, command):
    """By its name."""
    command("doctypes", "check", str(schemas / "schemas" / PATH))
    broken = schemas / "schemas/garden/watering/watering.2.schema.json"
    command("doctypes", "check", str(broken), status=ExitStatus.FINDINGS)


def test_a_missing_folder_is_one_line(tmp_path, command):
    """And a matter of configuration."""
    _, talk = command(
        "doctypes", "list", "--schemas-dir", str(tmp_path / "none"), status=ExitStatus.CONFIGURATION
    )

    assert "schemas_dir" in talk
    assert talk.count("\n") == 1


@pytest.mark.parametrize(
    ("setting", "status"),
    [(None, ExitStatus.FINDINGS), ("checked", ExitStatus.FINDINGS), ("ignored", ExitStatus.DONE)],
)
def test_a_setting_says_whether_formats_refuse_values(tmp_path, command, monkeypatch, setting, status):
    """`schema_formats`, in a draft that itself calls format a note."""
    folder = tmp_path / "schemas/garden/watering"
    folder.mkdir(parents=True)
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "properties": {"at": {"format": "date-time"}},
    }
    (folder / "watering.1.schema.json").write_text(json.dumps(schema))
    (tmp_path / "ping.json").write_text('{"at": "yesterday"}')
    if setting is not None:
        monkeypatch.setenv("TELEMETRY_SCHEMA_FORMATS", setting)
    words = ("--as", "garden/watering/1", "--schemas-dir", str(tmp_path / "schemas"))

    shown, _ = command("doctypes", "check", str(tmp_path / "ping.json"), *words, status=status)

    assert ("at: a string, but format: date-time" in shown) is (status is ExitStatus.FINDINGS)
