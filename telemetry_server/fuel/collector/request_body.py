"""Turns the bytes of a request into its JSON value, within limits."""

import json
import zlib
from dataclasses import dataclass
from math import inf
from typing import Any

import orjson

from telemetry_server.fuel.collector.errors import RequestRefused
from telemetry_server.pings.json_text import may_have_long_integers

GZIP_WINDOW = 16 + zlib.MAX_WBITS
MAX_GZIP_MEMBERS = 100  # each costs a copy of what follows it
MAX_DIGITS = 4000  # of a whole number that is read exactly


@dataclass(frozen=True, slots=True)
class ParsedBody:
    """The JSON of a request."""

    value: Any
    is_plain: bool  # no text or number in it needs a check before it is stored


def inflated(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """
    Return *body* without its Content-Encoding.

    Raises:
        RequestRefused: 413 if it is larger than *max_bytes*, 400 if it is corrupt or encoded otherwise.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise RequestRefused(400, "Content-Encoding: only gzip is accepted")
    parts: list[bytes] = []
    size = 0
    members = 0
    while body:
        members += 1
        if members > MAX_GZIP_MEMBERS:
            raise RequestRefused(400, f"corrupt_gzip: more than {MAX_GZIP_MEMBERS} members")
        inflater = zlib.decompressobj(GZIP_WINDOW)
        try:
            part = inflater.decompress(body, max_bytes + 1 - size)
        except zlib.error as error:
            raise RequestRefused(400, f"corrupt_gzip: {error}") from None
        size += len(part)
        if size > max_bytes:
            raise RequestRefused(413, f"larger than {max_bytes} bytes after inflating")
        if not inflater.eof:
            raise RequestRefused(400, "corrupt_gzip: it ends early")
        parts.append(part)
        body = inflater.unused_data
    return b"".join(parts)


def parsed(text: bytes) -> ParsedBody:
    """
    Return the value of the JSON *text*.

    What orjson refuses but one item alone can hold (a lone surrogate, a number past any double) is parsed
    too, so that its neighbours are stored.

    Raises:
        RequestRefused: 400, it is not JSON.
    """
    text = text.removeprefix(b"\xef\xbb\xbf")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        refusal = RequestRefused(400, f"invalid_json: {error.msg:.200} at byte {error.pos}")
        try:
            # A surrogate is written as an escape; these bytes are UTF-8.
            return ParsedBody(_exact(text.decode("utf-8")), is_plain=False)
        except (ValueError, RecursionError):
            raise refusal from None
    if may_have_long_integers(text):
        value = _exact(text)
    return ParsedBody(value, is_plain=b"\\u0000" not in text)


def _exact(text: str | bytes) -> Any:
    """Return the value of *text* with whole numbers of any length; one past `MAX_DIGITS` is infinite."""
    return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) <= MAX_DIGITS else inf)
