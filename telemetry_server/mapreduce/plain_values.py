"""
Plain values: what a job may write, their sizes, and which keys are equal.

Keys that are equal in Python (1, 1.0, True) are one key.  So a key has an identity: the text and the kind of
its simplest equal form.  Two keys are equal exactly where their identities are.
"""

from math import isinf, isnan
from typing import Any

NUMBERS = frozenset({int, float, bool, type(None)})
SCALARS = NUMBERS | {str, bytes}
MAX_DEPTH = 64
OBJECT_BYTES = 56
NUMBER_BYTES = 32

KEYS = "keys are text, bytes, numbers, truth values, None, and tuples of these"
VALUES = "values are text, bytes, numbers, truth values, None, tuples, lists and dicts"

Identity = tuple[str, int]

# Kinds of keys, in the order of output where two texts are equal.
NOTHING, INTEGER, FLOAT, TEXT, BYTES, TUPLE = range(6)


class NotPlain(Exception):
    """A job wrote something that is not a plain value."""


def checked_key(key: Any) -> None:
    """
    Check that *key* may be a key.

    Raises:
        NotPlain: It is not text, bytes, a number, a truth value, None, or a tuple of these.
    """
    kind = type(key)
    if kind in SCALARS:
        return
    if kind is not tuple:
        raise NotPlain(f"a key of type {kind.__name__}; {KEYS}")
    for part in key:
        checked_key(part)


def taken(value: Any, depth: int = 0) -> tuple[Any, int]:
    """
    Return a copy of *value* that the job can no longer change, and its size in memory, about.

    Raises:
        NotPlain: It is not a plain value.
    """
    kind = type(value)
    if kind in NUMBERS:
        return value, NUMBER_BYTES
    if kind is str or kind is bytes:
        return value, OBJECT_BYTES + len(value)
    if depth > MAX_DEPTH:
        raise NotPlain(f"a value nested past {MAX_DEPTH} levels")
    if kind is list or kind is tuple:
        if NUMBERS.issuperset(map(type, value)):
            return value[:], OBJECT_BYTES + NUMBER_BYTES * len(value)
        parts = [taken(part, depth + 1) for part in value]
        size = OBJECT_BYTES + sum(8 + part_size for _, part_size in parts)
        return kind(part for part, _ in parts), size
    if kind is dict:
        copy, size = {}, 4 * OBJECT_BYTES
        for key, part in value.items():
            checked_key(key)
            copy[key], part_size = taken(part, depth + 1)
            size += 100 + taken(key)[1] + part_size
        return copy, size
    raise NotPlain(f"a value of type {kind.__name__}; {VALUES}")


def identity_of(key: Any) -> Identity:
    """Return the text and the kind of the simplest key that is equal to *key*."""
    kind = type(key)
    if kind is str:
        return key, TEXT
    if kind is int:
        return str(key), INTEGER
    simple = _simplest(key)
    return str(simple), _KINDS[type(simple)]


_KINDS = {type(None): NOTHING, int: INTEGER, float: FLOAT, str: TEXT, bytes: BYTES, tuple: TUPLE}


def _simplest(key: Any) -> Any:
    kind = type(key)
    if kind is bool:
        return int(key)
    if kind is float and not isnan(key) and not isinf(key) and key == int(key):
        return int(key)
    if kind is tuple:
        return tuple(map(_simplest, key))
    return key
