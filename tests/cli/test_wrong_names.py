"""Files and names that a user mistypes: one line that names them, and the exit status."""

import pytest

from telemetry_server.cli.exit_status import ExitStatus
from tests.support.data_root import World


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
