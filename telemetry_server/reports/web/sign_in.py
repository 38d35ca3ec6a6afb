"""Signing in and out."""

from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from telemetry_server.access.access_file import BadAccessFile
from telemetry_server.access.passwords import MAX_PASSWORD, is_password
from telemetry_server.observability.events import SignedIn, SignInFailed, WorkFailed
from telemetry_server.reports.answers import Answer, see_other
from telemetry_server.reports.forms import form_fields
from telemetry_server.reports.request_checks import cookie_of
from telemetry_server.reports.route import Ask
from telemetry_server.reports.sessions import COOKIE, MAX_AGE_SECONDS, without_session
from telemetry_server.reports.web.templates import page

MAX_NAME = 100


def local_path(text: str) -> str:
    """Return *text* if it is an address on this host, else ``/``."""
    is_plain = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    if not is_plain or "\\" in text:
        return "/"
    parts = urlsplit(text)
    return "/" if parts.scheme or parts.netloc else text


async def sign_in_page(ask: Ask) -> Answer:
    """Answer ``GET /sign-in``."""
    target = local_path(ask.parameters.next)
    if ask.services.is_open:
        return see_other(target)
    return page("sign_in.html", ask.services, ask.visitor, next=target, error="")


async def sign_in(ask: Ask) -> Answer:
    """Answer ``POST /sign-in``: a session, or the form again."""
    fields = form_fields(ask.body)
    name, password = fields.get("name", "")[:MAX_NAME], fields.get("password", "")[:MAX_PASSWORD]
    target = local_path(fields.get("next", "/"))
    access = ask.services.access()
    user = access.user(name)
    password_hash = None if user is None else user.password_hash
    is_right = await ask.services.throttle.check(
        name.casefold(), lambda: is_password(password, password_hash)
    )
    if user is None or not is_right:
        SignInFailed(name).emit()
        return page(
            "sign_in.html",
            ask.services,
            ask.visitor,
            status=401,
            next=target,
            error="Name or password is wrong.",
        )
    SignedIn(user.name).emit()
    value = ask.services.sessions.begin(access, user)
    return see_other(target, [_cookie(value, MAX_AGE_SECONDS, is_secure=_is_secure(ask))])


async def sign_out(ask: Ask) -> Answer:
    """Answer ``POST /sign-out``."""
    session = ask.services.sessions.find(ask.services.access(), cookie_of(ask.headers))
    if session is not None:
        ask.services.sessions.end(session.id)
        try:
            await ask.services.change_access(partial(without_session, session_id=session.id))
        except (OSError, BadAccessFile) as error:
            WorkFailed("remembering a sign-out", f"{type(error).__name__}: {error}").emit()
    answer = see_other("/sign-in", [_cookie("", 0, is_secure=_is_secure(ask))])
    # Else the browser's back button shows pages of the session from its cache.
    return replace(answer, headers={**answer.headers, "Clear-Site-Data": '"cache"'})


def _is_secure(ask: Ask) -> bool:
    """Whether the browser speaks TLS, with this server or with a proxy in front of it."""
    return ask.is_secure or ask.headers.get("Origin", "").startswith("https://")


def _cookie(value: str, max_age: int, *, is_secure: bool) -> str:
    secure = "; Secure" if is_secure else ""
    return f"{COOKIE}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}"
