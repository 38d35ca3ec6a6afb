"""Commands with a data root that is missing, in a wrong place, or of another user."""

import os
from types import SimpleNamespace

import pytest

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.ledger.ledger import Ledger
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.composition.data_root import prepare_data_root
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.loader import load_settings
from tests.support.data_root import an_id
from tests.support.other_user import as_other_user, readable_folder

READING = [("audit",), ("cat", "raw"), ("cat", "converted"), ("explain", an_id(1)), ("tail",)]
CHANGING = [("replay",), ("compact",)]
MAKING = [("convert",), ("convert", "-"), ("generate", "--install-specs"), ("serve", "--port", "0")]
PREFETCH = ("specs", "prefetch", "--repo", "mozilla-central")


@pytest.fixture
def online(monkeypatch, command):
    """A revision server that is never asked."""
    monkeypatch.setenv("TELEMETRY_REVISION_OFFLINE", "false")
    monkeypatch.setenv("TELEMETRY_REVISION_SERVER", "http://127.0.0.1:1")


@pytest.mark.parametrize("words", [*MAKING, PREFETCH])
def test_a_root_that_cannot_be_created_gives_a_one_line_error(online, command, words):
    """The error says why, for every command that creates a data root."""
    _, talk = command(*words, "--data", "/proc/x", status=ExitStatus.CONFIGURATION)

    said = "configuration: data_dir /proc/x cannot be used: No such file or directory; set --data"
    assert talk == f"telemetry-server {words[0]}: {said}\n"


@pytest.mark.parametrize("words", [*READING, *CHANGING, *MAKING, PREFETCH, ("specs", "list")])
def test_every_command_refuses_a_file_as_data_root(tmp_path, online, command, words):
    """With a one-line error; the file is unchanged."""
    file = tmp_path / "file"
    file.write_text("mine")
    _, talk = command(*words, "--data", str(file), status=ExitStatus.CONFIGURATION)

    assert f"{file}: no" in talk
    assert "--data" in talk
    assert talk.count("\n") == 1
    assert file.read_text() == "mine"


@pytest.mark.parametrize("words", [*READING, *CHANGING])
def test_a_reading_command_does_not_create_a_root(tmp_path, command, words):
    """A mistyped path gives an error."""
    nowhere = tmp_path / "nowhere"
    _, talk = command(*words, "--data", str(nowhere), status=ExitStatus.CONFIGURATION)

    assert f"{nowhere}: no such data root; name it with --data\n" in talk
    assert not nowhere.exists()


@pytest.mark.parametrize("words", [*READING, *CHANGING])
def test_a_folder_that_is_not_a_root_stays_empty(tmp_path, command, words):
    """The error says that it is the wrong folder."""
    _, talk = command(*words, "--data", str(tmp_path), status=ExitStatus.CONFIGURATION)

    assert f"{tmp_path}: not a data root" in talk
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [("convert",), ("convert", "-"), ("replay",), ("compact",), ("audit",)])
def test_a_root_of_another_user_is_a_wrong_setting(command, words):
    """It is not reported as a damaged ledger."""
    with readable_folder() as folder:
        root = DataRoot(folder / "data")
        root.prepare(Disk())
        Ledger(root.ledger).close()
        root.path.chmod(0o755)
        root.state.chmod(0)
        try:
            with as_other_user():
                _, talk = command(*words, "--data", str(root.path), status=ExitStatus.CONFIGURATION)
        finally:
            root.state.chmod(0o700)

    assert "ermi" in talk
    assert str(root.path) in talk


def test_definitions_elsewhere_are_named_by_their_own_setting(tmp_path, monkeypatch, command):
    """The error does not name the data root."""
    monkeypatch.setenv("TELEMETRY_REVISION_CACHE_DIR", "/proc/x")
    words = ("generate", "--install-specs", "--data", str(tmp_path))
    _, talk = command(*words, status=ExitStatus.CONFIGURATION)

    assert "revision_cache_dir /proc/x cannot be used: No such file or directory" in talk


@pytest.mark.parametrize(
    ("flags", "words"), [(os.ST_RDONLY, "Read-only file system"), (0, "Permission denied")]
)
def test_a_data_root_that_cannot_be_written_is_refused_with_the_cause(
    tmp_path, monkeypatch, capsys, flags, words
):
    """A disk that is mounted read-only, or permissions."""
    monkeypatch.setattr(os, "access", lambda *_arguments: False)
    monkeypatch.setattr(os, "statvfs", lambda _path: SimpleNamespace(f_flag=flags))

    with pytest.raises(ConfigurationError, match=f"{words} .*; set --data"):
        prepare_data_root(load_settings({"data_dir": tmp_path}, None, {}))
