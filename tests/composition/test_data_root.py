"""The data root as commands meet it: absent, in a wrong place, or somebody else's."""

import pytest

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.ledger.ledger import Ledger
from telemetry_server.cli.exit_status import ExitStatus
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
def test_a_root_that_cannot_be_made_is_one_line(online, command, words):
    """Which says why, for every command that would make one."""
    _, talk = command(*words, "--data", "/proc/x", status=ExitStatus.CONFIGURATION)

    said = "configuration: data_dir /proc/x cannot be used: No such file or directory; set --data"
    assert talk == f"telemetry-server {words[0]}: {said}\n"


@pytest.mark.parametrize("words", [*READING, *CHANGING, *MAKING, PREFETCH, ("specs", "list")])
def test_a_file_is_no_data_root_for_anybody(tmp_path, online, command, words):
    """One line, and the file stays as it is."""
    file = tmp_path / "file"
    file.write_text("mine")
    _, talk = command(*words, "--data", str(file), status=ExitStatus.CONFIGURATION)

    assert f"{file}: no" in talk
    assert "--data" in talk
    assert talk.count("\n") == 1
    assert file.read_text() == "mine"


@pytest.mark.parametrize("words", [*READING, *CHANGING])
def test_where_there_is_no_root_none_is_made(tmp_path, command, words):
    """A mistyped path is no success."""
    nowhere = tmp_path / "nowhere"
    _, talk = command(*words, "--data", str(nowhere), status=ExitStatus.CONFIGURATION)

    assert f"{nowhere}: no such data root; name it with --data\n" in talk
    assert not nowhere.exists()


@pytest.mark.parametrize("words", [*READING, *CHANGING])
def test_a_folder_that_is_no_root_is_left_empty(tmp_path, command, words):
    """It is the wrong folder, and no fault of ours."""
    _, talk = command(*words, "--data", str(tmp_path), status=ExitStatus.CONFIGURATION)

    assert f"{tmp_path}: not a data root" in talk
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [("convert",), ("convert", "-"), ("replay",), ("compact",), ("audit",)])
def test_a_root_of_somebody_else_is_a_wrong_setting(command, words):
    """Not a damaged ledger."""
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
    """The data root has nothing to do with them."""
    monkeypatch.setenv("TELEMETRY_REVISION_CACHE_DIR", "/proc/x")
    words = ("generate", "--install-specs", "--data", str(tmp_path))
    _, talk = command(*words, status=ExitStatus.CONFIGURATION)

    assert "revision_cache_dir /proc/x cannot be used: No such file or directory" in talk
