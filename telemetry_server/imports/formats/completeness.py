"""Where a body ends by its own account: asked only where its record's edges are in doubt."""

import json
import re
import zlib

STEP_BYTES = 256 << 10
MAX_RATIO = 200
MIN_BUDGET_BYTES = 64 << 10

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_SPACE = b" \t\r\n"
_decoder = json.JSONDecoder()


def is_complete(body: bytes) -> bool:
    """Whether *body* is exactly one gzip member or one JSON object, from its first byte to its last."""
    whole_bytes = _whole_prefix_bytes(body)
    return whole_bytes > 0 and not body[whole_bytes:].strip(_SPACE)


def _whole_prefix_bytes(body: bytes) -> int:
    """
    The length of the gzip member or JSON object that *body* begins with; 0 if it begins with none.

    What is inflated is thrown away, and no more is inflated than `MAX_RATIO`
    times the body or `MIN_BUDGET_BYTES`, whichever is more.
    """
    if body.startswith(b"\x1f\x8b"):
        return _gzip_member_bytes(body)
    return _json_object_bytes(body)


def _gzip_member_bytes(body: bytes) -> int:
    inflate = zlib.decompressobj(wbits=31)
    budget_bytes = max(MAX_RATIO * len(body), MIN_BUDGET_BYTES)
    fed = body
    try:
        while not inflate.eof and budget_bytes > 0:
            plain = inflate.decompress(fed, min(STEP_BYTES, budget_bytes))
            fed = inflate.unconsumed_tail
            budget_bytes -= len(plain)
            if not plain and not fed:
                break
    except zlib.error:
        return 0
    return len(body) - len(inflate.unused_data) if inflate.eof else 0


def _json_object_bytes(body: bytes) -> int:
    start = len(body) - len(body.lstrip(_SPACE))
    if not body.startswith(b"{", start):
        return 0
    try:
        # Pings of the time hold Latin-1 where UTF-8 is due; that is not damage.
        _, end = _decoder.raw_decode(body.decode("latin-1"), start)
    except (ValueError, RecursionError):
        return 0
    return end


def is_cut_short(body: bytes) -> bool:
    """
    Whether *body* ends inside a JSON object that it began, or before one.

    What is no JSON from the start is whole for all we know: its reader decides.
    """
    text = body.lstrip(b" \t\r\n")
    if not text.startswith(b"{"):
        return not text
    between = _STRING.sub(b"", text)
    return b'"' in between or between.count(b"{") > between.count(b"}")
