"""
The hashes by which deleted ids are remembered, and their key ``state/forget.key``.

Without the key, a hash cannot be compared with an id, so the hashes alone identify no client.
"""

import os
from hashlib import blake2b
from uuid import UUID

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import StorageError
from telemetry_server.pings.client_identity import uuid_text

KEY_NAME = "forget.key"
KEY_BYTES = 32
HASH_BYTES = 16
# Ids that many clients send, so that they are of none: the one after an opt-out, and those of broken clients.
COMMON_IDS = frozenset(
    UUID(text).bytes
    for text in (
        "c0ffeec0-ffee-c0ff-eec0-ffeec0ffeec0",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
    )
)


class BadKey(StorageError):
    """The file of the key is damaged or gone.  One line."""


class IdHash:
    """Hashes ids with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of_uuid(self, value: bytes) -> bytes:
        """Return the hash of a UUID, given as its 16 bytes."""
        return blake2b(value, key=self._key, digest_size=HASH_BYTES).digest()

    def of_text(self, text: str) -> bytes:
        """Return the hash of an id as text; a UUID has the same hash in every spelling."""
        uuid = uuid_of(text)
        if uuid is not None:
            return self.of_uuid(uuid)
        return blake2b(
            b"text:" + text.encode("utf-8", "surrogatepass"), key=self._key, digest_size=16
        ).digest()


def uuid_of(text: str) -> bytes | None:
    """Return the 16 bytes of a UUID as text; None for another text."""
    found = uuid_text(text)
    if found is None:
        digits = text.strip("{}")
        if len(digits) != 32 or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
            return None
        found = digits
    return UUID(found).bytes


def read_key(root: DataRoot) -> bytes | None:
    """
    Return the key of *root*; None where no id was ever forgotten.

    Raises:
        BadKey: The file is damaged.
    """
    path = root.state / KEY_NAME
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(key) != KEY_BYTES:
        raise BadKey(f"{path}: not a key of {KEY_BYTES} bytes; restore it from a backup")
    return key


def needed_key(root: DataRoot) -> bytes:
    """
    Return the key of *root*, where ids were forgotten.

    Raises:
        BadKey: It is damaged or gone: what was deleted cannot be recognised.
    """
    key = read_key(root)
    if key is None:
        raise BadKey(
            f"{root.state / KEY_NAME}: gone; restore it from a backup, as deleted pings may come again"
        )
    return key


def ensure_key(root: DataRoot, disk: Disk) -> bytes:
    """
    Return the key of *root*; create it if there is none.

    Raises:
        BadKey: The file is damaged.
        OSError: The disk refuses.
    """
    key = read_key(root)
    if key is not None:
        return key
    path = root.state / KEY_NAME
    unfinished = path.with_name(f".{KEY_NAME}.{os.getpid()}")
    disk.unlink(unfinished)
    descriptor = disk.create(unfinished)
    try:
        disk.write(descriptor, [os.urandom(KEY_BYTES)])
        disk.sync(descriptor)
    finally:
        disk.close(descriptor)
    try:
        disk.rename_new(unfinished, path)
    except FileExistsError:  # another process was faster
        disk.unlink(unfinished)
    disk.sync_directory(path.parent)
    key = read_key(root)
    assert key is not None
    return key
