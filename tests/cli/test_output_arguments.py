"""Where commands write: - is standard output."""

from pathlib import Path

import pytest

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.cli.output_arguments import STDOUT, output_file
from tests.support.data_root import World


@pytest.fixture
def data(tmp_path, monkeypatch) -> str:
    """An empty data root; the working folder is another one, in which nothing may appear."""
    World(tmp_path / "data")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return str(tmp_path / "data")


def test_only_a_hyphen_alone_is_standard_output(tmp_path, monkeypatch):
    """A file of that name is reached with its folder."""
    monkeypatch.chdir(tmp_path)

    assert output_file("-") == STDOUT
    assert output_file("./-") == tmp_path / "-"
    assert output_file("a/-") == Path("a/-")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("mapreduce", "count", "--output", "-", "--mappers", "1"), ""),
        (("sql", "SELECT 1 AS a", "--format", "csv", "--output", "-"), "a\n1\n"),
    ],
)
def test_a_result_goes_to_standard_output(command, data, words, expected):
    """No file named - appears."""
    assert command(*words, "--data", data)[0] == expected
    assert list(Path().iterdir()) == []


def test_a_client_configuration_goes_to_standard_output(command, data):
    """As without the option."""
    assert command("point", "firefox", "--write", "-") == command("point", "firefox")
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("export", "frontend", "--output", "-"), "several files are written; name a folder"),
        (("collected", "--output", "-"), "several files are written; name a folder"),
        (("certificate", "-"), "several files are written; name a folder"),
        (("backup", "-"), "a backup may have to start again; name a file"),
        (("fuel", "backup", "-"), "the database is copied into a file; name one"),
    ],
)
def test_what_is_not_one_stream_is_refused(command, data, words, says):
    """Nothing is written under that name."""
    _, talk = command(*words, status=ExitStatus.USAGE)

    assert talk.splitlines()[-1].endswith(f": - is standard output, but {says}")
    assert list(Path().iterdir()) == []
    assert list(Path(data).rglob("*.partial")) == []
