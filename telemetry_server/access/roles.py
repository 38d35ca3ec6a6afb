"""Roles, and the rights that each of them has."""

from enum import StrEnum


class Right(StrEnum):
    """One thing that a role may or may not do."""

    AGGREGATES = "aggregates"  # counts, definitions, status, outcomes and reasons
    RECORDS = "records"  # records, bodies, SQL, rows
    CONTACTS = "contacts"  # contacts, failure reports
    USERS = "users"


class Role(StrEnum):
    """What a user or a token is."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    SUPPORT = "support"
    ADMIN = "admin"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.AGGREGATES}),
    Role.ANALYST: frozenset({Right.AGGREGATES, Right.RECORDS}),
    Role.SUPPORT: frozenset({Right.AGGREGATES, Right.CONTACTS}),
    Role.ADMIN: frozenset(Right),
}
"""Role to its rights."""


def roles_with(right: Right) -> list[Role]:
    """Return the roles that have *right*, the least powerful first."""
    return [role for role in Role if right in RIGHTS[role]]
