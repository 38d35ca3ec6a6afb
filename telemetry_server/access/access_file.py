"""
The file of users and tokens, ``state/access.json`` in the data root.

Commands and the reports process change it under a lock, by a whole new file.
"""

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.lock import FileLock
from telemetry_server.access.entries import AccessList, Token, User
from telemetry_server.access.roles import Role

LOCK_NAME = "access.lock"
FORMAT = 1
KEY_BYTES = 32


class BadAccessFile(Exception):
    """The file of users cannot be read.  One line."""


class AccessFile:
    """The users and tokens of the data root *root*."""

    def __init__(self, root: DataRoot) -> None:
        self.root = root
        self.path = root.access
        self._lock = FileLock(root.state / LOCK_NAME)
        self._stamp: tuple[int, int, int] | None = None
        self._known = AccessList()

    def read(self) -> AccessList:
        """
        Return the users and tokens; both lists are empty if the file does not exist.

        The file is parsed again only after it changed.

        Raises:
            BadAccessFile: It cannot be read.
        """
        try:
            status = self.path.stat()
            stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
            if stamp != self._stamp:
                self._known = _parsed(self.path)
                self._stamp = stamp
        except FileNotFoundError:
            self._known, self._stamp = AccessList(), None
        except OSError as error:
            raise BadAccessFile(f"{self.path} cannot be read: {error.strerror}") from None
        return self._known

    def change(self, changed: Callable[[AccessList], AccessList]) -> AccessList:
        """
        Replace the file by what *changed* makes of it, durably; return that.

        Raises:
            BadAccessFile: It cannot be read.
            OSError: It cannot be written.
            Exception: What *changed* raises; then nothing is changed.
        """
        with self._lock.held():
            before = self.read()
            after = changed(before)
            if not after.key:
                after = replace(after, key=secrets.token_bytes(KEY_BYTES))
            _write(self.path, after)
        return after


def _write(path: Path, content: AccessList) -> None:
    disk = Disk()
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.unlink(missing_ok=True)
    with unfinished.open("xb") as stream:
        unfinished.chmod(0o600)
        stream.write(orjson.dumps(_as_json(content), option=orjson.OPT_INDENT_2))
        stream.flush()
        disk.sync_data(stream.fileno())
    disk.rename(unfinished, path)
    disk.sync_directory(path.parent)


def _as_json(content: AccessList) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "key": content.key.hex(),
        "users": [
            {
                "name": user.name,
                "role": user.role.value,
                "password_hash": user.password_hash,
                "created": user.created.isoformat(),
            }
            for user in content.users
        ],
        "tokens": [
            {
                "id": token.id,
                "role": token.role.value,
                "secret_hash": token.secret_hash,
                "created": token.created.isoformat(),
                "expires": token.expires and token.expires.isoformat(),
            }
            for token in content.tokens
        ],
        "ended_sessions": {
            session_id: expires.isoformat() for session_id, expires in content.ended_sessions.items()
        },
    }


def _parsed(path: Path) -> AccessList:
    try:
        fields = orjson.loads(path.read_bytes())
        if fields["format"] != FORMAT:
            raise BadAccessFile(f"{path}: a server of another version wrote it")
        users = tuple(
            User(each["name"], Role(each["role"]), each["password_hash"], _moment(each["created"]))
            for each in fields["users"]
        )
        tokens = tuple(
            Token(
                each["id"],
                Role(each["role"]),
                each["secret_hash"],
                _moment(each["created"]),
                None if each["expires"] is None else _moment(each["expires"]),
            )
            for each in fields["tokens"]
        )
        ended = {str(each): _moment(expires) for each, expires in fields.get("ended_sessions", {}).items()}
        key = bytes.fromhex(fields["key"])
        if len(key) < KEY_BYTES:
            raise ValueError("the key is too short")  # everyone could sign sessions
        return AccessList(key, users, tokens, ended)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadAccessFile(
            f"{path}: not a file of users ({type(error).__name__}); restore it,"
            " or remove it and add users again"
        ) from None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
