"""Reads single values out of documents; what is missing or has another type becomes `UNKNOWN` or None."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from telemetry_server.fuel.documents.doctypes import MAX_INTEGER, MIN_INTEGER

UNKNOWN = "unknown"
MAX_TEXT = 300  # characters; a longer value would not fit into an index
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def text_of(value: object) -> str:
    """Return *value* as it is compared: trimmed; booleans and numbers as in JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)[:MAX_TEXT]
    if isinstance(value, str):
        return value.strip()[:MAX_TEXT].strip() or UNKNOWN
    return UNKNOWN


def folded(value: object) -> str:
    """Return the same for texts whose case does not count."""
    # Folding may make a text longer: "ŉ" becomes two letters.
    return text_of(value).casefold()[:MAX_TEXT]


def integer_of(value: object) -> int | None:
    """Return *value* if it is a whole number that a column takes."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if MIN_INTEGER <= value <= MAX_INTEGER else None


def object_of(value: object) -> Mapping[str, Any]:
    """Return *value* if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects_of(value: object) -> list[Mapping[str, Any]]:
    """Return the objects in the list *value*."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def microseconds_of(moment: datetime | None) -> int | None:
    """Return the microseconds since 1970 of *moment*."""
    return None if moment is None else (moment - _BEGIN) // _MICROSECOND
