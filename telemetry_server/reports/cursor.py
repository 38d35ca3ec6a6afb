"""Cursors: the place where a list goes on, as an opaque text."""

import base64
import binascii
import re
from datetime import datetime
from typing import Any

import orjson

from telemetry_server.reports.problems import Problem

MAX_CURSOR_CHARACTERS = 2000
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z", re.ASCII)


def cursor_of(key: Any) -> str | None:
    """Return the cursor that goes on after *key*; None at the end of a list."""
    if key is None:
        return None
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def texts_after(cursor: str, count: int) -> list[str] | None:
    """
    Return the *count* texts of a cursor, the first of them a moment; None for an empty one.

    Raises:
        Problem: The cursor is not one of ours.
    """
    if not cursor:
        return None
    key = _decoded(cursor)
    if not isinstance(key, list) or len(key) != count or not all(isinstance(part, str) for part in key):
        raise _bad()
    if not _is_moment(key[0]):
        raise _bad()
    return key


def offset_after(cursor: str) -> int:
    """
    Return the number of items that a cursor is behind; 0 for an empty one.

    Raises:
        Problem: The cursor is not one of ours.
    """
    if not cursor:
        return 0
    key = _decoded(cursor)
    if not isinstance(key, int) or isinstance(key, bool) or not 0 <= key < 2**31:
        raise _bad()
    return key


def _is_moment(text: str) -> bool:
    try:
        return bool(_MOMENT.fullmatch(text)) and datetime.fromisoformat(text) is not None
    except ValueError:
        return False


def _decoded(cursor: str) -> Any:
    if len(cursor) > MAX_CURSOR_CHARACTERS or not cursor.isascii():
        raise _bad()
    try:
        return orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise _bad() from None


def _bad() -> Problem:
    return Problem(
        "bad-parameter",
        "cursor: not a cursor of this list; take next_cursor of the page before, or leave it out",
        members={"parameter": "cursor"},
    )
