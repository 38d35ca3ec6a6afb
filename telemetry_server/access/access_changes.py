"""Changes of the users and tokens: each makes a new list of the one before."""

from dataclasses import replace
from datetime import datetime

from telemetry_server.access.entries import AccessList, Token, User
from telemetry_server.access.roles import Right, Role, roles_with

MAX_ENDED_SESSIONS = 10_000


class ChangeRefused(Exception):
    """A change that cannot be made.  One line."""


def with_user(before: AccessList, user: User) -> AccessList:
    """
    Return *before* and *user*.

    Raises:
        ChangeRefused: There is a user of this name.
    """
    if before.user(user.name) is not None:
        raise ChangeRefused(f"There is a user {user.name} already.")
    return replace(before, users=(*before.users, user))


def without_user(before: AccessList, name: str) -> AccessList:
    """
    Return *before* without the user called *name*.

    Raises:
        ChangeRefused: The user does not exist, or no user with all rights would be left.
    """
    user = _known(before, name)
    after = replace(before, users=tuple(each for each in before.users if each != user))
    _check_administered(after, name)
    return after


def with_role(before: AccessList, name: str, role: Role) -> AccessList:
    """
    Return *before* with another role of the user called *name*.

    Raises:
        ChangeRefused: The user does not exist, or no user with all rights would be left.
    """
    user = _known(before, name)
    users = tuple(replace(each, role=role) if each == user else each for each in before.users)
    after = replace(before, users=users)
    _check_administered(after, name)
    return after


def with_token(before: AccessList, token: Token) -> AccessList:
    """Return *before* and *token*."""
    return replace(before, tokens=(*before.tokens, token))


def without_token(before: AccessList, token_id: str) -> AccessList:
    """
    Return *before* without the token of this id.

    Raises:
        ChangeRefused: There is none.
    """
    if before.token(token_id) is None:
        raise ChangeRefused(f"The token {token_id} does not exist.")
    return replace(before, tokens=tuple(each for each in before.tokens if each.id != token_id))


def with_ended_session(
    before: AccessList, session_id: str, *, expires: datetime, now: datetime
) -> AccessList:
    """
    Return *before*, which remembers that a session was ended.

    Args:
        expires: From then on the cookie of the session is too old anyway, and it is forgotten.
    """
    ended = {each: end for each, end in before.ended_sessions.items() if end > now} | {session_id: expires}
    newest = sorted(ended.items(), key=lambda each: each[1])[-MAX_ENDED_SESSIONS:]
    return replace(before, ended_sessions=dict(newest))


def _known(before: AccessList, name: str) -> User:
    user = before.user(name)
    if user is None:
        raise ChangeRefused(f"The user {name} does not exist.")
    return user


def _check_administered(after: AccessList, name: str) -> None:
    if not any(user.role in roles_with(Right.USERS) for user in after.users):
        raise ChangeRefused(f"{name} is the last admin. Make another user an admin first.")
