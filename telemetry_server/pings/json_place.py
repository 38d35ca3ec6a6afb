"""Places and values of a JSON document, written for one-line messages."""

from collections.abc import Sequence
from typing import Any

MAX_KEY_CHARACTERS = 100
MAX_DIGITS = 40

_TYPE_NAMES = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def json_type(value: Any) -> str:
    """Return the JSON type of *value*, such as "an object" or "a string"."""
    return _TYPE_NAMES.get(type(value), "not a JSON value")


def short_number(number: float) -> str:
    """A JSON number for a message: whole numbers without a fraction, long ones shortened."""
    text = str(number) if isinstance(number, int) else f"{number:g}"
    digits = len(text.lstrip("-"))
    return text if digits <= MAX_DIGITS else f"an integer of {digits:,} digits"


def json_place(steps: Sequence[str | int]) -> str:
    """*steps* from the outermost object, as ``a.b[3].c``; keys are shortened and printable."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += ("." if text else "") + key_text(step)
    return text


def key_text(key: str) -> str:
    """A key, at most `MAX_KEY_CHARACTERS` long and printable."""
    if len(key) > MAX_KEY_CHARACTERS:
        key = key[:MAX_KEY_CHARACTERS] + "…"
    return (
        key
        if key.isprintable()
        else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in key)
    )
