"""What the rules of a payload version find in a ping, before anything in it is changed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeGuard

JsonObject = dict[str, Any]


def unchanged(ping: JsonObject) -> JsonObject:
    """Keep *ping* as it is."""
    return ping


@dataclass(frozen=True, slots=True)
class ParsedPayload:
    """A ping, understood: what to ask for it, what to pack in it, how to finish its record."""

    docversion: str
    doctype: str | None  # what the payload says of itself
    fields: JsonObject  # what dimensions are filled from, as far as the payload says
    packable: JsonObject | None = None  # where verbose histograms stand; None: nothing is packed
    where: str = ""  # the place of `packable`: "" or "payload."
    info: JsonObject | None = None  # holds the revision, and gets one that a fallback finds
    finish: Callable[[JsonObject], JsonObject] = unchanged  # the ping, packed → its record; may change it


def is_number(value: Any) -> TypeGuard[float]:
    """Whether *value* is a JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def text_or_none(value: Any) -> str | None:
    """*value* if it is a text that says something."""
    return value if isinstance(value, str) and value else None
