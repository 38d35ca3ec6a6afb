"""The parameters of the page of users."""

from typing import Literal

from telemetry_server.reports.parameters import Parameters

DONE = {
    "user-added": "The user was added.",
    "role-changed": "The role was changed.",
    "user-removed": "The user was removed.",
    "token-revoked": "The token was revoked.",
}


class UsersParameters(Parameters):
    """Of the page of users."""

    done: Literal["user-added", "role-changed", "user-removed", "token-revoked"] | None = None
