"""Bearer tokens: their text, and how a text is matched with what is stored."""

import hashlib
import hmac
import re
import secrets
from datetime import datetime

from telemetry_server.access.entries import AccessList, Token
from telemetry_server.access.roles import Role

PREFIX = "tsr"  # secret scanners look for a fixed beginning
ID_BYTES = 6
SECRET_BYTES = 32
_TEXT = re.compile(rf"{PREFIX}_([0-9a-f]{{{2 * ID_BYTES}}})_([A-Za-z0-9_-]{{43}})\Z")


def new_token(role: Role, created: datetime, expires: datetime | None) -> tuple[Token, str]:
    """Return a new token, and its text, which is stored nowhere."""
    token_id = secrets.token_hex(ID_BYTES)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    token = Token(token_id, role, _hash_of(secret), created, expires)
    return token, f"{PREFIX}_{token_id}_{secret}"


def token_of(text: str, access: AccessList, now: datetime) -> Token | None:
    """Return the token that *text* is; None if it is unknown, revoked or expired."""
    found = _TEXT.match(text)
    token = None if found is None else access.token(found[1])
    if found is None or token is None:
        return None
    is_right = hmac.compare_digest(_hash_of(found[2]), token.secret_hash)
    return token if is_right and token.is_valid_at(now) else None


def _hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
