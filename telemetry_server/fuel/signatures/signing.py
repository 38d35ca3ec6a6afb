"""
Signs requests of an installation, and checks signatures: Ed25519 over six lines of text.

The lines are method, path, SHA-256 of the body (hexadecimal), time stamp, nonce and uid. Key and signature
are base64.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from secrets import token_urlsafe

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

UID_HEADER = "master-node-uid"
KEY_HEADER = "x-fuel-public-key"
TIME_HEADER = "x-fuel-timestamp"
NONCE_HEADER = "x-fuel-nonce"
SIGNATURE_HEADER = "x-fuel-signature"
SUCCESSION_HEADER = "x-fuel-succession"  # the signature of the key before, which names its successor
MAX_CLOCK_DIFFERENCE_SECONDS = 300
MAX_NONCE_CHARACTERS = 128
MAX_UID_CHARACTERS = 255
_NONCE = re.compile(r"[!-~]{1,128}")


class BadSignature(Exception):
    """The request is not signed, or not by the key that it names; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A request whose signature is right, by a key that may not be the installation's."""

    uid: str
    public_key: bytes
    nonce: str
    succession_text: bytes = b""  # what the key before has signed to name this one
    succession: bytes = b""  # its signature; empty: there is none

    def succeeds(self, public_key: bytes) -> bool:
        """Return whether the owner of *public_key* has named this key as its successor."""
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(self.succession, self.succession_text)
        except (InvalidSignature, ValueError):
            return False
        return True


def text_to_sign(method: str, path: str, body: bytes, *, timestamp: str, nonce: str, uid: str) -> bytes:
    """Return the text that is signed."""
    return "\n".join((method, path, sha256(body).hexdigest(), timestamp, nonce, uid)).encode()


def succession_text(text: bytes, public_key: str) -> bytes:
    """Return what the key before signs: the text of the request, and the new key on a line more."""
    return text + b"\n" + public_key.encode()


class Signer:
    """
    Signs requests with the key of an installation.

    Args:
        seed: 32 bytes that are the private key.
        previous_seed: The key before, which names this one in every request.
    """

    def __init__(self, seed: bytes, previous_seed: bytes | None = None) -> None:
        self._previous = previous_seed and Ed25519PrivateKey.from_private_bytes(previous_seed)
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def headers(self, method: str, path: str, body: bytes, uid: str, now: datetime) -> dict[str, str]:
        """Return the headers that sign a request; *body* is as sent."""
        timestamp, nonce = str(int(now.timestamp())), token_urlsafe(16)
        text = text_to_sign(method, path, body, timestamp=timestamp, nonce=nonce, uid=uid)
        signature = self._key.sign(text)
        succession = {}
        if self._previous:
            named = self._previous.sign(succession_text(text, self._public))
            succession[SUCCESSION_HEADER] = base64.b64encode(named).decode()
        return {
            **succession,
            UID_HEADER: uid,
            KEY_HEADER: self._public,
            TIME_HEADER: timestamp,
            NONCE_HEADER: nonce,
            SIGNATURE_HEADER: base64.b64encode(signature).decode(),
        }


def new_seed() -> bytes:
    """Return a new private key."""
    return Ed25519PrivateKey.generate().private_bytes_raw()


def check_signature(
    method: str, path: str, bodies: tuple[bytes, ...], headers: Mapping[str, str], now: datetime
) -> Signed:
    """
    Return who signed the request.

    Args:
        bodies: The body as sent, and inflated where that differs: either may be signed.

    Raises:
        BadSignature: As named.
    """
    uid, key_text = headers.get(UID_HEADER, ""), headers.get(KEY_HEADER, "")
    timestamp, nonce = headers.get(TIME_HEADER, ""), headers.get(NONCE_HEADER, "")
    signature_text = headers.get(SIGNATURE_HEADER, "")
    if not (uid and key_text and timestamp and nonce and signature_text):
        raise BadSignature("the request is not signed")
    if len(uid) > MAX_UID_CHARACTERS or not uid.isprintable():
        raise BadSignature(f"{UID_HEADER} is not a text of at most {MAX_UID_CHARACTERS} characters")
    if not _NONCE.fullmatch(nonce):
        raise BadSignature(f"{NONCE_HEADER} is not 1 to {MAX_NONCE_CHARACTERS} printable characters")
    moment = _moment(timestamp)
    if moment is None:
        raise BadSignature(f"{TIME_HEADER} is not a time")
    if abs((now - moment).total_seconds()) > MAX_CLOCK_DIFFERENCE_SECONDS:
        raise BadSignature(
            f"{TIME_HEADER} differs by more than {MAX_CLOCK_DIFFERENCE_SECONDS} s from the clock here"
        )
    try:
        public = base64.b64decode(key_text, validate=True)
        signature = base64.b64decode(signature_text, validate=True)
        succession = base64.b64decode(headers.get(SUCCESSION_HEADER, ""), validate=True)
        key = Ed25519PublicKey.from_public_bytes(public)
    except (binascii.Error, ValueError):
        raise BadSignature("key or signature are not base64 of an Ed25519 key and signature") from None
    for body in bodies:
        text = text_to_sign(method, path, body, timestamp=timestamp, nonce=nonce, uid=uid)
        try:
            key.verify(signature, text)
        except InvalidSignature:
            continue
        return Signed(uid, public, nonce, succession_text(text, key_text), succession)
    raise BadSignature("the signature does not belong to the request")


def _moment(text: str) -> datetime | None:
    try:
        if re.fullmatch(r"[0-9]{1,12}(?:\.[0-9]{1,9})?", text):
            return datetime.fromtimestamp(float(text), UTC)
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
