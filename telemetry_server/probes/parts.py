"""Reads parts of a ping that may still be JSON text."""

from typing import Any

import orjson


def value_of(part: Any) -> Any:
    """Return *part*, decoded if it is still text, for reading only."""
    return orjson.loads(part) if isinstance(part, bytes) else part


def object_of(part: Any) -> dict[str, Any]:
    """Return *part* if it is an object; an empty object otherwise."""
    value = value_of(part)
    return value if isinstance(value, dict) else {}
