"""The page of users and tokens, and what its forms change."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from telemetry_server.access.access_changes import (
    ChangeRefused,
    with_role,
    with_token,
    with_user,
    without_token,
    without_user,
)
from telemetry_server.access.bearer_tokens import new_token
from telemetry_server.access.entries import AccessList, User
from telemetry_server.access.passwords import MAX_PASSWORD, hash_of
from telemetry_server.access.roles import Role
from telemetry_server.access.time_spans import BadTimeSpan, time_span
from telemetry_server.access.user_names import BadUserName, user_name
from telemetry_server.observability.events import AccessChanged
from telemetry_server.reports.answers import Answer, see_other
from telemetry_server.reports.forms import form_fields
from telemetry_server.reports.problems import Problem
from telemetry_server.reports.route import Ask
from telemetry_server.reports.visitor import Proof
from telemetry_server.reports.web.templates import page
from telemetry_server.reports.web.users_parameters import DONE

Fields = Mapping[str, str]


async def users(ask: Ask) -> Answer:
    """Answer ``GET /users``."""
    return _page(ask, done=DONE.get(ask.parameters.done or "", ""))


async def change_users(ask: Ask) -> Answer:
    """Answer ``POST /users``: one change, named by the field ``do``."""
    if ask.visitor.proof is Proof.OPEN:
        raise Problem("not-permitted", "Add the first user with telemetry-server users add.")
    fields = form_fields(ask.body)
    change = _CHANGES.get(fields.get("do", ""))
    if change is None:
        raise Problem("bad-request", f"do: one of {', '.join(_CHANGES)}.")
    try:
        return await change(ask, fields)
    except (ChangeRefused, BadUserName, BadTimeSpan) as error:
        return _page(ask, error=f"{str(error).rstrip('.')}.", typed=fields, status=400)
    except OSError as error:
        detail = f"The file of users cannot be written: {error.strerror}."
        return _page(ask, error=detail, typed=fields, status=503)


async def _add_user(ask: Ask, fields: Fields) -> Answer:
    name, password = user_name(fields.get("name", "").strip()), fields.get("password", "")
    if not password:
        raise ChangeRefused("The password is empty")
    if len(password) > MAX_PASSWORD:
        raise ChangeRefused(f"The password has more than {MAX_PASSWORD} characters")
    role = _role(fields)
    password_hash = await asyncio.get_running_loop().run_in_executor(None, hash_of, password)
    user = User(name, role, password_hash, datetime.now(UTC))
    await _change(ask, partial(with_user, user=user), "user added", name)
    return see_other("/users?done=user-added")


async def _set_role(ask: Ask, fields: Fields) -> Answer:
    name, role = fields.get("name", ""), _role(fields)
    await _change(ask, partial(with_role, name=name, role=role), f"role {role}", name)
    return see_other("/users?done=role-changed")


async def _remove_user(ask: Ask, fields: Fields) -> Answer:
    name = fields.get("name", "")
    await _change(ask, partial(without_user, name=name), "user removed", name)
    return see_other("/users?done=user-removed")


async def _create_token(ask: Ask, fields: Fields) -> Answer:
    now = datetime.now(UTC)
    span = fields.get("expires", "").strip()
    token, text = new_token(_role(fields), now, now + time_span(span) if span else None)
    await _change(ask, partial(with_token, token=token), f"token created, role {token.role}", token.id)
    return _page(ask, new_token=text)


async def _revoke_token(ask: Ask, fields: Fields) -> Answer:
    token_id = fields.get("id", "")
    await _change(ask, partial(without_token, token_id=token_id), "token revoked", token_id)
    return see_other("/users?done=token-revoked")


_CHANGES: dict[str, Callable[[Ask, Fields], Awaitable[Answer]]] = {
    "add-user": _add_user,
    "set-role": _set_role,
    "remove-user": _remove_user,
    "create-token": _create_token,
    "revoke-token": _revoke_token,
}


async def _change(ask: Ask, changed: Callable[[AccessList], AccessList], what: str, of: str) -> None:
    await ask.services.change_access(changed)
    AccessChanged(ask.visitor.name, what, of).emit()


def _role(fields: Fields) -> Role:
    try:
        return Role(fields.get("role", ""))
    except ValueError:
        raise ChangeRefused(f"The role must be one of {', '.join(Role)}") from None


def _page(
    ask: Ask,
    *,
    done: str = "",
    error: str = "",
    new_token: str = "",
    typed: Fields | None = None,
    status: int = 200,
) -> Answer:
    access = ask.services.access()
    now = datetime.now(UTC)
    return page(
        "users.html",
        ask.services,
        ask.visitor,
        status=status,
        users=[
            {"name": user.name, "role": user.role.value, "created": user.created.isoformat()}
            for user in access.users
        ],
        tokens=[
            {
                "id": token.id,
                "role": token.role.value,
                "created": token.created.isoformat(),
                "expires": token.expires and token.expires.isoformat(),
                "is_valid": token.is_valid_at(now),
            }
            for token in access.tokens
        ],
        roles=[role.value for role in Role],
        is_changeable=ask.visitor.proof is not Proof.OPEN,
        done=done,
        error=error,
        new_token=new_token,
        typed=typed or {},
    )
