"""Passwords: argon2id hashes, made and verified by argon2-cffi."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

# The least that OWASP's "Password Storage Cheat Sheet" names for argon2id: the process stays small.
MEMORY_KIBIBYTES = 19 * 1024
PASSES = 2
LANES = 1
MAX_PASSWORD = 1000  # characters
NO_PASSWORD = "no user has this password"  # noqa: S105 - hashed to spend the same time for unknown names


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIBIBYTES, parallelism=LANES)


@cache
def _hash_of_no_password() -> str:
    return _hasher().hash(NO_PASSWORD)


def hash_of(password: str) -> str:
    """Return the argon2id hash of *password*, with a salt of its own."""
    return _hasher().hash(password)


def is_password(password: str, password_hash: str | None) -> bool:
    """Whether *password* has this hash; False after the same time where there is no hash (unknown user)."""
    from argon2.exceptions import InvalidHashError, VerificationError

    of_no_password = _hash_of_no_password()  # made once, by the first caller
    try:
        is_right = _hasher().verify(password_hash or of_no_password, password)
    except (VerificationError, InvalidHashError):
        return False
    return is_right and password_hash is not None
