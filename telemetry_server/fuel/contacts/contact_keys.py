"""
The key file of contacts, and what its keys seal and open.

A file holds one key a line, each of at least 32 characters.  The first line seals; all of them open what they
once sealed, so a new key is put in front and the old one is removed when its contacts are gone.
"""

import base64
import os
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from storage.disk import Disk

MIN_KEY_CHARACTERS = 32
KEY_BYTES, NONCE_BYTES = 32, 12
MAX_FILE_BYTES = 64 << 10


class BadContactKeys(Exception):
    """The key file is missing, unreadable, or holds no key; one line without any part of a key."""


class ContactUnreadable(Exception):
    """The key that sealed a contact is not in the key file, or the contact was changed."""


@dataclass(frozen=True, slots=True)
class SealedContact:
    """A contact as it is stored."""

    key_id: str
    sealed: bytes


class ContactKeys:
    """
    Seals and opens contacts.

    Args:
        secrets: The keys as they are in the file, the present one first.
    """

    def __init__(self, secrets: Iterable[bytes]) -> None:
        keys = [sha256(b"fuel contact key\0" + secret).digest() for secret in secrets]
        self._present = _key_id(keys[0])
        self._ciphers = {_key_id(key): ChaCha20Poly1305(key) for key in keys}

    def seal(self, owner: str, contact: bytes) -> SealedContact:
        """Return *contact* sealed for its *owner*: it opens with the owner's name only."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[self._present].encrypt(nonce, contact, owner.encode())
        return SealedContact(self._present, nonce + sealed)

    def opened(self, owner: str, contact: SealedContact) -> bytes:
        """
        Return the contact of *owner*.

        Raises:
            ContactUnreadable: As named.
        """
        cipher = self._ciphers.get(contact.key_id)
        if cipher is None:
            raise ContactUnreadable(f"the key {contact.key_id} is not in the key file")
        nonce, text = contact.sealed[:NONCE_BYTES], contact.sealed[NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, text, owner.encode())
        except (InvalidTag, ValueError):
            raise ContactUnreadable("the stored contact was changed") from None


def _key_id(key: bytes) -> str:
    return sha256(b"id\0" + key).hexdigest()[:16]


def read_contact_keys(file: Path) -> ContactKeys:
    """
    Return the keys of *file*.

    Raises:
        BadContactKeys: As named.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BadContactKeys(f"{file} cannot be read: {error.strerror}") from None
    if len(content) > MAX_FILE_BYTES:
        raise BadContactKeys(f"{file} is larger than {MAX_FILE_BYTES} bytes")
    # A file of random bytes is one key.
    lines = content.split() if content.isascii() else [content]
    if not lines:
        raise BadContactKeys(
            f"{file} is empty: it must hold a key of at least {MIN_KEY_CHARACTERS} characters"
        )
    for number, line in enumerate(lines, 1):
        if len(line) < MIN_KEY_CHARACTERS:
            raise BadContactKeys(
                f"{file}: key {number} is too short: a key has at least {MIN_KEY_CHARACTERS} characters"
            )
    return ContactKeys(lines)


def create_contact_key_file(file: Path) -> bool:
    """
    Create *file* with a new key, private to this user; return False if it exists.

    Raises:
        OSError: It cannot be created.
    """
    if os.path.lexists(file):
        return False
    disk = Disk()
    partial = file.with_name(f".{file.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
        disk.sync(descriptor)
        # A link never replaces a key that another process has created meanwhile.
        os.link(partial, file)
    except FileExistsError:
        return False
    finally:
        disk.close(descriptor)
        partial.unlink(missing_ok=True)
    disk.sync_directory(file.parent)
    return True


class ContactKeyFile:
    """
    The keys of a file, read again where it has changed.

    Args:
        creates: Whether a missing file is created at the first use.
    """

    def __init__(self, file: Path, *, creates: bool) -> None:
        self.file = file
        self._creates = creates
        self._state: tuple[int, ...] = ()
        self._keys: ContactKeys | None = None

    def keys(self) -> ContactKeys:
        """
        Return the keys as they are now.

        Raises:
            BadContactKeys: As named.
        """
        try:
            if self._creates:
                create_contact_key_file(self.file)
            found = self.file.stat()
        except OSError as error:
            raise BadContactKeys(f"{self.file} cannot be used: {error.strerror}") from None
        state = (found.st_ino, found.st_size, found.st_mtime_ns)
        if self._keys is None or state != self._state:
            self._keys = read_contact_keys(self.file)
            self._state = state
        return self._keys
