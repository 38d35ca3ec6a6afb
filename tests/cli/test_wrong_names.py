"""Files and names that a user mistypes: one line that names them, and the exit status."""

import errno
import json
from pathlib import Path

import pytest

from telemetry_server.cli.exit_status import ExitStatus
from tests.support.data_root import World, submitted


@pytest.fixture
def data(tmp_path) -> str:
    """A data root without pings."""
    World(tmp_path / "data")
    (tmp_path / "a-file").touch()
    return str(tmp_path / "data")


def said_by(command, words: tuple[str, ...], status: int) -> str:
    """The one line that the command says."""
    _, talk = command(*words, status=status)
    assert talk.count("\n") == 1, talk
    return talk


def test_a_folder_that_cannot_be_made_is_named(command, data, tmp_path):
    """It is below a file."""
    folder = tmp_path / "a-file" / "out"

    talk = said_by(command, ("collected", "--data", data, "--output", str(folder)), ExitStatus.CONFIGURATION)

    assert talk == f"telemetry-server collected: {folder}: Not a directory\n"


def test_a_backup_that_cannot_be_written_names_the_folder(command, data):
    """No file can be created below /proc."""
    talk = said_by(command, ("backup", "/proc/backup.tar", "--data", data), ExitStatus.CONFIGURATION)

    assert talk == (
        "telemetry-server backup: /proc: the backup cannot be written here:"
        " No such file or directory; name a file in another folder\n"
    )


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("/proc/restored", "No such file or directory"),
        ("/proc/new/restored", "No such file or directory"),
        ("{file}/restored", "File exists"),
        ("{file}/new/restored", "File exists"),
    ],
)
def test_a_data_root_that_cannot_be_restored_names_its_place(command, data, tmp_path, target, reason):
    """Its parent cannot be created, or nothing can be created there."""
    backup, place = tmp_path / "backup.tar", target.format(file=tmp_path / "a-file")
    command("backup", str(backup), "--data", data)

    talk = said_by(command, ("restore", str(backup), "--data", place), ExitStatus.CONFIGURATION)

    assert talk == (
        f"telemetry-server restore: {place}: no data root can be made here: {reason};"
        " name another place with --data\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        ("backup", "{long}", "--data", "{data}"),
        ("audit", "--data", "{long}"),
        ("collected", "--data", "{data}", "--output", "{long}"),
    ],
)
def test_a_name_that_is_too_long_is_not_called_a_bug(command, data, tmp_path, words):
    """The line says what is wrong with it."""
    long = str(tmp_path / ("a" * 300))
    filled = tuple(word.format(long=long, data=data) for word in words)

    talk = said_by(command, filled, ExitStatus.CONFIGURATION)

    assert talk == f"telemetry-server {words[0]}: {long}: File name too long; name another place\n"


@pytest.mark.parametrize("words", [("audit",), ("serve", "--port", "0"), ("convert",), ("doctor",)])
def test_a_data_root_behind_a_circle_of_links_is_not_called_a_bug(command, tmp_path, words):
    """Each of two links leads to the other one."""
    (tmp_path / "one").symlink_to("other")
    (tmp_path / "other").symlink_to("one")
    data = tmp_path / "one" / "data"

    talk = said_by(command, (*words, "--data", str(data)), ExitStatus.CONFIGURATION)

    assert talk == (
        f"telemetry-server {words[0]}: {data}: Too many levels of symbolic links; name another place\n"
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("absent", "No such file or directory; name an exported file, or - for stdin"),
        ("a-file/export", "Not a directory; name an exported file, or - for stdin"),
        ("a" * 300, "File name too long; name an exported file, or - for stdin"),
        ("data", "Is a directory; name the files in it"),
    ],
)
def test_an_export_that_cannot_be_opened_is_one_line_without_counts(command, data, tmp_path, name, says):
    """The line says what to name in place of it."""
    file = tmp_path / name

    result, talk = command("convert", str(file), "--data", data, status=ExitStatus.BAD_INPUT)

    assert result == ""
    assert talk == f"telemetry-server convert: {file}: {says}\n"


def test_an_export_whose_reading_fails_is_one_line_without_counts(command, data):
    """Linux answers a read at the start of this file with EIO, as a damaged disk does."""
    result, talk = command("convert", "/proc/self/mem", "--data", data, status=ExitStatus.BAD_INPUT)

    assert result == ""
    assert talk == (
        "telemetry-server convert: /proc/self/mem: Input/output error;"
        " none of its pings was imported; use another copy of the file\n"
    )


def test_an_export_that_may_not_be_read_is_one_line_without_counts(command, data, tmp_path, monkeypatch):
    """The error is simulated, because root may read every file."""
    file = tmp_path / "a-file"
    opened = Path.open

    def open_file(path, *words, **options):
        if path == file:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *words, **options)

    monkeypatch.setattr(Path, "open", open_file)
    result, talk = command("convert", str(file), "--data", data, status=ExitStatus.BAD_INPUT)

    assert result == ""
    assert talk == (
        f"telemetry-server convert: {file}: Permission denied; name a file that this user may read\n"
    )


def test_what_waits_is_converted_although_no_export_can_be_opened(command, data, tmp_path):
    """Its counts come after the line about the file."""
    World(tmp_path / "data").receive([submitted({}, 1, path="/submit/nowhere")])

    result, _ = command("convert", str(tmp_path / "absent"), "--data", data, status=ExitStatus.BAD_INPUT)

    assert "quarantined: invalid_path" in result


def test_json_has_counts_although_no_export_can_be_opened(command, data, tmp_path):
    """They are zero: a script reads the same keys after each run."""
    result, _ = command("convert", str(tmp_path / "absent"), "--json", "--data", data, status=4)

    assert json.loads(result)["received"] == 0


def test_a_job_that_does_not_exist_is_named_with_the_built_in_jobs(command, data):
    """A name without a dot may be one of those."""
    talk = said_by(command, ("mapreduce", "counts", "--data", data), ExitStatus.BAD_INPUT)

    assert talk.endswith(
        "counts: no such file, and no built-in job: count, dimensions, duplicates, frontend\n"
    )


def test_a_chart_that_cannot_be_written_is_named(command, data, tmp_path, monkeypatch):
    """The rows are found first; then the file fails."""
    answer = {"rows": [{"name": "a row"}]}
    file = tmp_path / "a-file" / "chart.svg"
    monkeypatch.setattr("telemetry_server.aggregates.histogram_answer.histogram_answer", lambda *_: answer)
    monkeypatch.setattr("telemetry_server.charts.histogram_file.histogram_svg", lambda _: "<svg/>")

    talk = said_by(
        command, ("histogram", "GC_MS", "--data", data, "--svg", str(file)), ExitStatus.CONFIGURATION
    )

    assert talk == f"telemetry-server histogram: {file}: Not a directory\n"


def test_a_body_that_is_cut_off_is_not_a_readable_ping(command, tmp_path):
    """The message says so, and where it ends."""
    file = tmp_path / "ping.json"
    file.write_bytes(b'{"x"')

    talk = said_by(command, ("doctypes", "check", str(file), "--as", "a/b/1"), ExitStatus.BAD_INPUT)

    assert f"{file}: not a readable ping: " in talk


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("users", "remove", "ada"), 1, "user ada does not exist; see telemetry-server users list\n"),
        (("tokens", "revoke", "ada"), 1, "token ada does not exist; see telemetry-server tokens list\n"),
        (("replay", "--reason", "invalid_jsn"), 2, "; did you mean invalid_json?\n"),
        (("replay", "--reason", "ada"), 2, "'ada' is not a reason for quarantine; there are corrupt_gzip, "),
        (("pull", "--from", "other-root"), 78, "or file:///DATA_ROOT\n"),
        (("backup", "."), 2, "telemetry-server backup: . is a folder; name a file\n"),
        (("restore", "/dev/null"), 4, "/dev/null: not a file; name a file written by backup\n"),
        (("restore", "ada.tar"), 4, "ada.tar: no such file; name a file written by backup\n"),
    ],
)
def test_a_wrong_name_leads_to_right_ones(command, data, words, status, says):
    """Or to what lists them."""
    assert says in said_by(command, (*words, "--data", data), status)
