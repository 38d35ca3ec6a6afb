"""
Parses the text of a body as one JSON object, with checks that orjson lacks.

orjson refuses text that is not UTF-8, NaN, infinities and control characters.  It also refuses lone
surrogates: they are replaced, and the text is parsed again.  Of two equal keys in one object the last
counts, also if they became equal by a replacement.  The depth limit of orjson is too high, and it turns
integers past 64 bits into floats: both are corrected here without walking the parsed object.
"""

import json
from dataclasses import dataclass
from typing import Any

import orjson

from telemetry_server.pings.errors import InvalidJson
from telemetry_server.pings.json_place import json_type
from telemetry_server.pings.lone_surrogates import replace_in_json
from telemetry_server.pings.text_coding import coding_problem

MAX_NESTING = 64  # the outermost object is level 1
MIN_INTEGER = -(2**63)
MAX_INTEGER = 2**64 - 1

_BOM = b"\xef\xbb\xbf"
_ZEROS_FOR_DIGITS = bytes.maketrans(b"0123456789", b"0" * 10)
_LONG_RUN = b"0" * 19  # the shortest integer past 64 bits has so many digits
_NUMBER_BEGINS_AFTER = frozenset(b"[:, \t\n\r-")
_NUMBER_ENDS_BEFORE = frozenset(b",]} \t\n\r")
_MAX_DIGITS = 20
_MINUS = ord("-")

_ONE_KIND_OF_BRACKET = bytes.maketrans(b"[]", b"{}")
_NO_LANDMARK = bytes(set(range(256)) - set(b'{}[]"'))
# For smaller texts, counting the brackets is quicker than creating a few hundred lists.
_SMALL_TEXT_BYTES = 32 << 10


@dataclass(frozen=True, slots=True)
class ParsedObject:
    """A JSON object, and what was mended to parse it."""

    value: dict[str, Any]
    text: bytes  # as parsed: without a byte order mark, lone surrogates replaced
    had_byte_order_mark: bool = False
    lone_surrogates: int = 0  # replaced in it
    may_have_long_integers: bool = False


def parse_object(text: bytes) -> ParsedObject:
    """
    Parse *text* as one JSON object.

    Integers keep all their digits, up to the size of the largest double (308 digits).

    Raises:
        InvalidJson: It is not JSON, not an object, nested past `MAX_NESTING`, or has a number past any
            double.
    """
    had_byte_order_mark = text.startswith(_BOM)
    if had_byte_order_mark:
        text = text[len(_BOM) :]
    skipped_bytes = len(_BOM) if had_byte_order_mark else 0
    lone_surrogates = 0
    try:
        value, has_long = _value_of(text, skipped_bytes)
    except InvalidJson:
        text, lone_surrogates = replace_in_json(text)
        if not lone_surrogates:
            raise
        value, has_long = _value_of(text, skipped_bytes)
    if value.__class__ is not dict:
        raise InvalidJson(f"the outermost value is {json_type(value)}, not an object")
    return ParsedObject(value, text, had_byte_order_mark, lone_surrogates, has_long)


def stored_object(text: bytes) -> dict[str, Any]:
    """
    The object that `json_of` wrote as *text*; integers past 64 bits keep all their digits.

    Raises:
        ValueError: The text is not JSON.
    """
    value: dict[str, Any] = json.loads(text) if may_have_long_integers(text) else orjson.loads(text)
    return value


def json_of(value: Any) -> bytes:
    """The shortest JSON of *value*, as `parse_object` reads it: integers past 64 bits too."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _value_of(text: bytes, skipped_bytes: int) -> tuple[Any, bool]:
    """Return the value of *text*, and whether it may have integers past 64 bits."""
    value = _parse_shallow(text, skipped_bytes)
    has_long = may_have_long_integers(text)
    if has_long:
        value = None  # frees its memory before the second parse
        value = json.loads(text)
    return value, has_long


def _parse_shallow(text: bytes, skipped_bytes: int) -> Any:
    if len(text) < _SMALL_TEXT_BYTES or _SPARE_LEVELS is None:
        value = _loads(text, skipped_bytes)
        if nesting_of(text) > MAX_NESTING:
            raise _too_deep()
        return value
    # Lists around the text make the parser's own depth limit equal to `MAX_NESTING`.
    try:
        value = orjson.loads(b"".join((_SPARE_LEVELS[0], text, _SPARE_LEVELS[1])))
        for _ in _SPARE_LEVELS[0]:
            # Each list has one element: a text such as "{}], [{}" would give two.
            [value] = value
    except (orjson.JSONDecodeError, ValueError, TypeError):
        _loads(text, skipped_bytes)
        raise _too_deep() from None
    return value


def _loads(text: bytes, skipped_bytes: int) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        words = f"{error.msg:.200} at byte {skipped_bytes + error.pos}"
        raise InvalidJson(coding_problem(text, skipped_bytes) or words) from None


def _too_deep() -> InvalidJson:
    return InvalidJson(f"nested past {MAX_NESTING} levels")


def nesting_of(text: bytes) -> int:
    """How deep the valid JSON *text* is nested; a number alone is 0."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    landmarks = text.translate(_ONE_KIND_OF_BRACKET, _NO_LANDMARK)
    # A string without brackets is now two quotes.  Removing a neighbouring pair of two strings joins
    # these strings, and their content stays inside a string.
    landmarks = landmarks.replace(b'"' * 16, b"").replace(b'""', b"")
    if b'"' in landmarks:
        landmarks = b"".join(landmarks.split(b'"')[::2])
    levels = 0
    while landmarks:
        landmarks = landmarks.replace(b"{}", b"")
        levels += 1
        if levels > MAX_NESTING:
            break
    return levels


def _spare_levels() -> tuple[bytes, bytes] | None:
    """The brackets that leave `MAX_NESTING` levels below the parser's limit; None if it has no limit."""

    def takes(levels: int) -> bool:
        try:
            orjson.loads(b"[" * levels + b"]" * levels)
        except orjson.JSONDecodeError:
            return False
        return True

    least, most = MAX_NESTING, 4096
    if not takes(least) or takes(most):
        return None
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (middle, most) if takes(middle) else (least, middle)
    spare = least - MAX_NESTING
    return b"[" * spare, b"]" * spare


_SPARE_LEVELS = _spare_levels()


def may_have_long_integers(text: bytes) -> bool:
    """Whether *text* may contain an integer past 64 bits; *text* neither starts nor ends with a digit."""
    digits = text.translate(_ZEROS_FOR_DIGITS)
    start = digits.find(_LONG_RUN)
    while start >= 0:
        end = start + len(_LONG_RUN)
        while digits[end : end + 1] == b"0":
            end += 1
        if _may_be_past_64_bits(text, start, end):
            return True
        start = digits.find(_LONG_RUN, end)
    return False


def _may_be_past_64_bits(text: bytes, start: int, end: int) -> bool:
    """Whether the digits ``text[start:end]`` may be such an integer; digits in a string may look like one."""
    # The digits of a fraction, and in most strings, have other neighbours.
    if text[start - 1] not in _NUMBER_BEGINS_AFTER or text[end] not in _NUMBER_ENDS_BEFORE:
        return False
    if end - start > _MAX_DIGITS:
        return True
    number = int(text[start:end])
    return number > (-MIN_INTEGER if text[start - 1] == _MINUS else MAX_INTEGER)
