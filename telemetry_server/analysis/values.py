"""Values of a result as JSON and as text."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any
from uuid import UUID

import orjson

MIN_ORJSON_INTEGER, MAX_ORJSON_INTEGER = -(2**63), 2**64 - 1


def json_of_value(value: Any) -> bytes:
    """
    Return *value* as JSON: integers and decimals with all digits, lists as arrays, moments in UTC.

    Characters that a terminal would obey are escaped.
    """
    return _escaped(orjson.dumps(plain(value)))


def plain(value: Any) -> Any:
    """Return *value* in types that `orjson` writes exactly."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        is_short = MIN_ORJSON_INTEGER <= value <= MAX_ORJSON_INTEGER
        return value if is_short else orjson.Fragment(str(value))
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f")) if value.is_finite() else None
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [plain(part) for part in value]
    return text_of(value)


def text_of(value: Any) -> str:
    """Return *value* as text: lists and maps as JSON, moments in UTC as ``2026-11-22T12:00:00.000001Z``."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case datetime():
            moment = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
            return f"{moment.isoformat(timespec='microseconds')}Z"
        case date() | time():
            return value.isoformat()
        case bytes() | bytearray():
            return value.hex()
        case int() | float() | UUID() | timedelta():
            return str(value)
        case Decimal():
            return format(value, "f")
        case _:
            return json_of_value(value).decode()


def _escaped(text: bytes) -> bytes:
    """JSON with DEL and C1 escaped; `orjson` escapes C0 itself.  They stand in strings only."""
    if b"\x7f" not in text and b"\xc2" not in text:
        return text
    characters = text.decode()
    return "".join(
        f"\\u{ord(character):04x}" if "\x7f" <= character <= "\x9f" else character for character in characters
    ).encode()
