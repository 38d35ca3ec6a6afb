"""The commands `users` and `tokens`, and the file that they write."""

import io
import json
import stat
import sys
from datetime import UTC, datetime, timedelta

import pytest

from storage.data_root import DataRoot
from storage.disk import Disk
from telemetry_server.access.access_file import AccessFile, BadAccessFile
from telemetry_server.access.bearer_tokens import token_of
from telemetry_server.access.passwords import is_password


@pytest.fixture
def add_user(command, tmp_path, monkeypatch):
    """Adds a user; the password is the first line of stdin."""

    def add(
        name: str, role: str = "viewer", stdin: str = "secret\nmore\n", status: int = 0
    ) -> tuple[str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        words = ("users", "add", name, "--role", role, "--password-stdin")
        return command(*words, "--data", str(tmp_path), status=status)

    return add


def test_a_user_is_added_listed_and_removed(add_user, command, tmp_path):
    """Only the hash of the password is stored, in a file that no other user of the machine reads."""
    add_user("alice", "analyst")
    listed, _ = command("users", "list", "--json", "--data", str(tmp_path))
    file = AccessFile(DataRoot(tmp_path))
    user = file.read().user("alice")
    text = file.path.read_text()
    command("users", "remove", "alice", "--data", str(tmp_path))

    assert [(each["name"], each["role"]) for each in json.loads(listed)] == [("alice", "analyst")]
    assert is_password("secret", user.password_hash) and not is_password("secret ", user.password_hash)
    assert "secret" not in text and user.password_hash.startswith("$argon2id$")
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert file.read().users == ()


@pytest.mark.parametrize(
    ("words", "stdin", "status"),
    [
        (("alice", "--role", "viewer"), "x\n", 1),  # there is one already
        (("bob", "--role", "viewer"), "\n", 2),  # an empty password
        (("bob", "--role", "king"), "x\n", 2),
        (("bad name", "--role", "viewer"), "x\n", 2),
        (("", "--role", "viewer"), "x\n", 2),
    ],
)
def test_a_user_that_cannot_be_added_is_one_line(
    words, stdin, status, *, add_user, command, tmp_path, monkeypatch
):
    """And changes nothing."""
    add_user("alice")
    before = AccessFile(DataRoot(tmp_path)).read()
    monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
    command("users", "add", *words, "--password-stdin", "--data", str(tmp_path), status=status)

    assert AccessFile(DataRoot(tmp_path)).read() == before


def test_without_a_terminal_the_password_comes_by_stdin_only(command, tmp_path, monkeypatch):
    """A script that forgets the option is not left waiting."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("secret\n"))
    _, said = command("users", "add", "alice", "--role", "admin", "--data", str(tmp_path), status=2)

    assert "--password-stdin" in said


def test_a_token_is_printed_once_and_stored_hashed(command, tmp_path):
    """The token alone is on stdout; the list has its id, and no part of its secret."""
    printed, _ = command("tokens", "create", "--role", "viewer", "--expires", "90d", "--data", str(tmp_path))
    listed, _ = command("tokens", "list", "--json", "--data", str(tmp_path))
    file = AccessFile(DataRoot(tmp_path))
    text = printed.removesuffix("\n")
    (entry,) = json.loads(listed)
    now = datetime.now(UTC)
    found = token_of(text, file.read(), now)
    late = token_of(text, file.read(), now + timedelta(days=91))

    assert set(entry) == {"id", "role", "created", "expires"}
    assert found is not None and found.id == entry["id"] and late is None
    assert text.rsplit("_", 1)[1] not in file.path.read_text()


def test_a_revoked_token_is_none(command, tmp_path):
    """An unknown id is status 1."""
    printed, _ = command("tokens", "create", "--role", "admin", "--data", str(tmp_path))
    token_id = printed.split("_")[1]
    command("tokens", "revoke", token_id, "--data", str(tmp_path))
    command("tokens", "revoke", token_id, "--data", str(tmp_path), status=1)

    assert token_of(printed.strip(), AccessFile(DataRoot(tmp_path)).read(), datetime.now(UTC)) is None


@pytest.mark.parametrize("text", ["0d", "-1d", "1w", "d", "", "999999999d", "1.5d"])
def test_a_wrong_time_span_is_a_usage_error(text, command, tmp_path):
    """Rather than a token that lives for ever."""
    command("tokens", "create", "--role", "viewer", f"--expires={text}", "--data", str(tmp_path), status=2)


def test_a_change_is_whole_or_not_at_all(tmp_path):
    """What a killed command left behind does not stop the next one, and is not a user."""
    root = DataRoot(tmp_path)
    root.prepare(Disk())
    file = AccessFile(root)
    (root.state / ".access.json.new").write_bytes(b'{"format"')
    file.change(lambda before: before)

    assert file.read().key
    assert not (root.state / ".access.json.new").exists()


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"format": 1}', b'{"format": 99}', b"\xff"])
def test_a_damaged_file_is_an_error_and_not_an_empty_list_of_users(content, tmp_path):
    """No users would open the reports to everyone."""
    root = DataRoot(tmp_path)
    root.prepare(Disk())
    file = AccessFile(root)
    file.path.write_bytes(content)
    with pytest.raises(BadAccessFile):
        file.read()


def test_reading_follows_changes_of_others(tmp_path):
    """A running server sees what a command wrote."""
    root = DataRoot(tmp_path)
    root.prepare(Disk())
    reader, writer = AccessFile(root), AccessFile(root)
    before = reader.read()
    writer.change(lambda content: content)
    after = reader.read()
    writer.path.unlink()

    assert before.key == b"" and after.key
    assert reader.read().key == b""
