"""Checks of a request before it is looked at: which host, which page, which visitor."""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from multidict import CIMultiDictProxy

from telemetry_server.access.bearer_tokens import token_of
from telemetry_server.reports.problems import Problem
from telemetry_server.reports.services import Services
from telemetry_server.reports.sessions import COOKIE, is_csrf_token
from telemetry_server.reports.visitor import EVERYONE_HERE, THEMES, UNKNOWN, Proof, Visitor

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
SAFE_METHODS = frozenset({"GET", "HEAD"})
CHALLENGE = 'Bearer realm="telemetry-server"'
CSRF_HEADER = "X-CSRF-Token"
THEME_COOKIE = "theme"


def check_host(services: Services, host: str) -> None:
    """
    Check the host name, where everyone on the machine may see all: no web page is to read it by its own name.

    Raises:
        Problem: It is not a name of this machine for itself.
    """
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and ":" in host else host
    if services.is_open and name.lower() not in LOCAL_NAMES:
        raise Problem(
            "wrong-host",
            "Without users only localhost, 127.0.0.1 and [::1] are answered; add users, or use one of these.",
        )


def check_origin(headers: Mapping[str, str], method: str) -> None:
    """
    Check that no page of another site sent the request.

    Raises:
        Problem: One did.
    """
    origin, host = headers.get("Origin"), headers.get("Host", "")
    is_foreign = origin is not None and urlsplit(origin).netloc.lower() != host.lower()
    site = headers.get("Sec-Fetch-Site", "none")
    if is_foreign or (method not in SAFE_METHODS and site not in ("none", "same-origin")):
        raise Problem("foreign-request", "A page of another site sent this request.")


def visitor_of(services: Services, headers: CIMultiDictProxy[str]) -> Visitor:
    """
    Return who asks.

    Raises:
        Problem: A bearer token is unknown, expired or revoked.
    """
    access = services.access()
    authorization = headers.get("Authorization")
    if authorization is not None:
        scheme, _, text = authorization.partition(" ")
        token = token_of(text.strip(), access, datetime.now(UTC)) if scheme.lower() == "bearer" else None
        if token is None:
            challenge = f'{CHALLENGE}, error="invalid_token"'
            raise Problem(
                "sign-in",
                "The bearer token is unknown, expired or revoked.",
                headers={"WWW-Authenticate": challenge},
            )
        return Visitor(Proof.TOKEN, token.role, f"token {token.id}")
    trusted = services.options.trusted_user_header
    if trusted and (names := headers.getall(trusted, [])):
        # Of two headers one may be the client's own, which the proxy did not remove.
        user = access.user(names[0]) if len(names) == 1 else None
        return UNKNOWN if user is None else Visitor(Proof.HEADER, user.role, user.name, f"header:{user.name}")
    session = services.sessions.find(access, cookie_of(headers))
    if session is not None:
        return Visitor(Proof.SESSION, session.user.role, session.user.name, session.id)
    return EVERYONE_HERE if services.is_open else UNKNOWN


def theme_of(headers: Mapping[str, str]) -> str:
    """Return the theme that a browser's cookie names; ``auto`` without one."""
    found = cookie_of(headers, THEME_COOKIE)
    return found if found in THEMES else "auto"


def cookie_of(headers: Mapping[str, str], name: str = COOKIE) -> str:
    """Return the value of a cookie of ours; empty if it was not sent.  Cookies of others may be odd."""
    for part in headers.get("Cookie", "").split(";"):
        found, _, value = part.strip().partition("=")
        if found == name:
            return value
    return ""


def check_csrf(services: Services, visitor: Visitor, method: str, token: str) -> None:
    """
    Check that a request that changes something, from a browser that proves by itself who asks, is meant.

    Raises:
        Problem: It carries no token of ours.
    """
    if method in SAFE_METHODS or visitor.proof not in (Proof.SESSION, Proof.HEADER):
        return
    if not is_csrf_token(services.access(), visitor.csrf_subject, token):
        raise Problem(
            "foreign-request",
            f"The request lacks the CSRF token of its page, in {CSRF_HEADER} or the field csrf.",
        )
