"""Describes a schema violation in one line: the place, the type there, and the schema's requirement."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from telemetry_server.pings.json_place import json_place, json_type, key_text

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError

MAX_SCHEMA_WORDS = 160
MAX_NAMED_KEYS = 3
MAX_DEPTH = 8  # of alternatives within alternatives
OUTERMOST = "the ping itself"

_UNEXPECTED_KEYS = frozenset({"additionalProperties", "unevaluatedProperties"})
_OF_OUR_LIMITS = frozenset({"backtrackLimitExceeded", "regexEngineFailure"})


def describe(error: "ValidationError", ping: Mapping[str, Any]) -> str:
    """
    One line about *error*, found in *ping*.

    It names keys of the payload, each cut to `MAX_KEY_CHARACTERS`, and only the types of values.
    """
    line = _line(error, ping)
    nearest = _nearest(error)
    return line if nearest is None else f"{line}; the nearest: {_line(nearest, ping)}"


def _line(error: "ValidationError", ping: Mapping[str, Any]) -> str:
    steps, value = _walked(ping, error.instance_path)
    return f"{json_place(steps) or OUTERMOST}: {json_type(value)}, but {_schema_says(error.kind)}"


def _walked(value: Any, path: Sequence[str | int]) -> tuple[list[str | int], Any]:
    """*path* with numeric keys as text, and the value at its end."""
    steps: list[str | int] = []
    for step in path:
        key = str(step) if isinstance(value, dict) else step
        steps.append(key)
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return steps, None
    return steps, value


def _nearest(error: "ValidationError") -> "ValidationError | None":
    """The deepest of the alternatives' errors: the other parts of that alternative match."""
    leaves = [leaf for leaf in _leaves(error, MAX_DEPTH) if leaf is not error]
    return max(leaves, key=lambda leaf: len(leaf.instance_path), default=None)


def _leaves(error: "ValidationError", depth: int) -> "Iterator[ValidationError]":
    if error.kind.name not in ("anyOf", "oneOf") or not depth:
        yield error
        return
    for alternative in error.kind.value:
        for inner in alternative:
            yield from _leaves(inner, depth - 1)


def _schema_says(kind: Any) -> str:
    name = kind.name
    if name == "anyOf":
        return "anyOf: no alternative matches"
    if name == "oneOf":
        how_many = "no alternative matches" if any(kind.value) else "more than one alternative matches"
        return f"oneOf: {how_many}"
    if name in _UNEXPECTED_KEYS:
        return f"{name}: {_some_keys(kind.value)} not allowed"
    if name == "propertyNames":
        return f"propertyNames: a key breaks {_schema_says(kind.value.kind)}"
    if name in _OF_OUR_LIMITS:
        return "its pattern takes too long here"
    if name == "falseSchema":
        return "no value is allowed there"
    return f"{name}: {_words(kind.value)}"


def _some_keys(keys: Sequence[Any]) -> str:
    shown = ", ".join(key_text(str(key)) for key in keys[:MAX_NAMED_KEYS])
    more = len(keys) - MAX_NAMED_KEYS
    return f"{shown} and {more} more" if more > 0 else shown


def _words(value: Any) -> str:
    """The value in the schema: a limit, a type, a pattern."""
    if isinstance(value, str):
        text = value if value.isprintable() else orjson.dumps(value).decode()
    else:
        try:
            text = orjson.dumps(value).decode()
        except TypeError:
            text = str(value)
    return text if len(text) <= MAX_SCHEMA_WORDS else text[:MAX_SCHEMA_WORDS] + "…"
