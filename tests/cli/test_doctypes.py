"""``doctypes``: list, show, check, import."""

import json

import pytest

from telemetry_server.cli.exit_status import ExitStatus

SCHEMA = {"type": "object", "required": ["litres"], "properties": {"litres": {"type": "number"}}}
PATH = "garden/watering/watering.1.schema.json"


@pytest.fixture
def schemas(tmp_path):
    """A checkout with a valid schema and a broken one."""
    good = tmp_path / "checkout/schemas" / PATH
    good.parent.mkdir(parents=True)
    good.write_text(json.dumps(SCHEMA))
    broken = good.with_name("watering.2.schema.json")
    broken.write_text('{"type": 7}')
    return tmp_path / "checkout"


@pytest.fixture
def imported_schemas(tmp_path, schemas, command):
    """The operator's folder of schemas, after an import."""
    folder = tmp_path / "imported_schemas"
    command("doctypes", "import", str(schemas), "--schemas-dir", str(folder), status=ExitStatus.FINDINGS)
    return folder


def test_import_copies_valid_schemas_and_names_broken_ones(tmp_path, schemas, command):
    """The exit status is 1, because a schema was refused."""
    words = ("doctypes", "import", str(schemas), "--schemas-dir", str(tmp_path / "new"), "--json")
    said = json.loads(command(*words, status=ExitStatus.FINDINGS)[0])

    assert said["taken"] == ["garden/watering/1"]
    assert [refused["file"] for refused in said["refused"]] == ["garden/watering/watering.2.schema.json"]
    assert [path.name for path in (tmp_path / "new").rglob("*.json")] == ["watering.1.schema.json"]


def test_import_needs_schemas_dir(schemas, command):
    """One line that names the setting."""
    _, talk = command("doctypes", "import", str(schemas), status=ExitStatus.CONFIGURATION)

    assert "--schemas-dir" in talk


def test_list_shows_schemas_of_the_package_and_of_the_operator(imported_schemas, command):
    """And the origin of each."""
    said = json.loads(command("doctypes", "list", "--json", "--schemas-dir", str(imported_schemas))[0])

    assert {"schemas_dir", "this package"} == {entry["from"] for entry in said}
    assert [e["namespace"] for e in said if e["from"] == "schemas_dir"] == ["garden"]


def test_show_prints_a_schema_unchanged(imported_schemas, command):
    """Without a version, that of the highest version."""
    for name in ("garden/watering/1", "garden/watering"):
        assert (
            json.loads(command("doctypes", "show", name, "--schemas-dir", str(imported_schemas))[0]) == SCHEMA
        )
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
def test_check_compares_a_ping_with_its_schema(tmp_path, imported_schemas, command, case):
    """The doctype comes from the ping or from --as."""
    text, words, status, says = case
    (tmp_path / "ping.json").write_text(text)
    shown, talk = command(
        "doctypes",
        "check",
        str(tmp_path / "ping.json"),
        *words,
        "--schemas-dir",
        str(imported_schemas),
        status=status,
    )

    assert says in shown + talk


def test_check_prints_every_violation(tmp_path, imported_schemas, command):
    """Also as JSON."""
    (tmp_path / "garden").mkdir()
    file = tmp_path / "garden/watering.1.sample.json"
    file.write_text("{}")
    words = ("doctypes", "check", str(file), "--json", "--schemas-dir", str(imported_schemas))
    said = json.loads(command(*words, status=ExitStatus.FINDINGS)[0])

    assert said["doctype"] == "garden/watering/1"
    assert said["valid"] is False
    assert said["violations"] == ["the ping itself: an object, but required: litres"]


def test_check_checks_a_schema_file(schemas, command):
    """It is recognized by its name."""
    command("doctypes", "check", str(schemas / "schemas" / PATH))
    broken = schemas / "schemas/garden/watering/watering.2.schema.json"
    command("doctypes", "check", str(broken), status=ExitStatus.FINDINGS)


def test_a_missing_folder_of_schemas_is_one_line(tmp_path, command):
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
def test_schema_formats_decides_whether_formats_are_checked(tmp_path, command, monkeypatch, setting, status):
    """Also in a draft that does not require it."""
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
