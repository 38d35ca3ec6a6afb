"""Users and tokens, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from telemetry_server.access.roles import Role


@dataclass(frozen=True, slots=True)
class User:
    """Someone who signs in with a password."""

    name: str
    role: Role
    password_hash: str  # argon2id, in PHC form
    created: datetime


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token, without its secret."""

    id: str
    role: Role
    secret_hash: str  # SHA-256 of the secret, which has 256 random bits
    created: datetime
    expires: datetime | None = None

    def is_valid_at(self, now: datetime) -> bool:
        """Whether it has not expired at *now*."""
        return self.expires is None or now < self.expires


@dataclass(frozen=True, slots=True)
class AccessList:
    """All users and tokens of one data root."""

    key: bytes = b""  # signs sessions; empty before the first user or token
    users: tuple[User, ...] = ()
    tokens: tuple[Token, ...] = field(default=())
    # Sessions that users ended before their time: id to when the cookie is too old anyway.
    ended_sessions: Mapping[str, datetime] = field(default_factory=dict)

    def user(self, name: str) -> User | None:
        """Return the user called *name*; None if there is none."""
        return next((user for user in self.users if user.name == name), None)

    def token(self, token_id: str) -> Token | None:
        """Return the token with this id; None if there is none."""
        return next((token for token in self.tokens if token.id == token_id), None)
