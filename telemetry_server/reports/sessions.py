"""
Sessions of signed-in users, and CSRF tokens: values signed by itsdangerous, so that they survive a restart.

A session ends with its time, with sign-out, and when its user is removed or has another password.  The
file of users remembers which were ended by sign-out.
"""

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer, URLSafeTimedSerializer

from telemetry_server.access.access_changes import with_ended_session
from telemetry_server.access.entries import AccessList, User

COOKIE = "telemetry_session"
MAX_AGE_SECONDS = 12 * 3600
MAX_ENDED = 10_000


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is valid now."""

    id: str
    user: User


class Sessions:
    """
    Makes and checks sessions.

    It remembers those that were ended here, too: the data root may be a copy that nothing can be written to.
    """

    def __init__(self) -> None:
        self._ended: OrderedDict[str, None] = OrderedDict()

    def begin(self, access: AccessList, user: User) -> str:
        """Return the value of the cookie of a new session of *user*."""
        payload = [secrets.token_urlsafe(16), user.name, _fingerprint(user)]
        return str(_timed(access).dumps(payload))

    def find(self, access: AccessList, cookie: str) -> Session | None:
        """Return the session of a *cookie*; None if it is not valid now."""
        if not cookie or not access.key:
            return None
        try:
            payload = _timed(access).loads(cookie, max_age=MAX_AGE_SECONDS)
            session_id, name, fingerprint = (str(part) for part in payload)
        except (BadData, ValueError, TypeError):
            return None
        user = access.user(name)
        if user is None or fingerprint != _fingerprint(user):
            return None
        if session_id in self._ended or session_id in access.ended_sessions:
            return None
        return Session(session_id, user)

    def end(self, session_id: str) -> None:
        """End a session: its cookie is not accepted any more."""
        self._ended[session_id] = None
        while len(self._ended) > MAX_ENDED:
            self._ended.popitem(last=False)


def without_session(before: AccessList, session_id: str) -> AccessList:
    """Return *before*, which remembers that a session was ended as long as its cookie could be valid."""
    now = datetime.now(UTC)
    return with_ended_session(before, session_id, expires=now + timedelta(seconds=MAX_AGE_SECONDS), now=now)


def csrf_token(access: AccessList, subject: str) -> str:
    """Return the token that forms of *subject* must carry."""
    return str(_signer(access).dumps(subject))


def is_csrf_token(access: AccessList, subject: str, token: str) -> bool:
    """Whether *token* is for *subject*."""
    try:
        return bool(subject) and _signer(access).loads(token) == subject
    except BadData:
        return False


def _timed(access: AccessList) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(access.key, salt="session", signer_kwargs={"digest_method": hashlib.sha256})


def _signer(access: AccessList) -> URLSafeSerializer:
    return URLSafeSerializer(access.key, salt="csrf", signer_kwargs={"digest_method": hashlib.sha256})


def _fingerprint(user: User) -> str:
    """Changes with the password, and when a user is removed and added again."""
    return hashlib.sha256(f"{user.password_hash}{user.created.isoformat()}".encode()).hexdigest()[:16]
