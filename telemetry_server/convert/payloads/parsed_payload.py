"""What a reader finds in a ping of its version, before anything in the ping is changed."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeGuard

JsonObject = dict[str, Any]


def unchanged(ping: JsonObject) -> JsonObject:
    """Return *ping* as it is."""
    return ping


class ParsedPayload(NamedTuple):
    """A ping's version, fields and histograms, and how to finish its record."""

    docversion: str
    doctype: str | None  # as named in the payload
    fields: JsonObject  # values for dimensions that the payload has
    packable: JsonObject | None = None  # the object with verbose histograms; None: nothing is packed
    where: str = ""  # the path of `packable`: "" or "payload."
    info: JsonObject | None = None  # holds the revision, and gets one that a fallback finds
    finish: Callable[[JsonObject], JsonObject] = unchanged  # packed ping → its record; may change the ping


def is_number(value: Any) -> TypeGuard[float]:
    """Whether *value* is a JSON number."""
    return value.__class__ is int or value.__class__ is float


def text_or_none(value: Any) -> str | None:
    """*value* if it is a non-empty string."""
    return value if isinstance(value, str) and value else None
