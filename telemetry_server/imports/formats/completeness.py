"""Checks whether a body is complete, for records whose boundaries are doubtful."""

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
    """Whether *body* is exactly one gzip member or one JSON object."""
    whole_bytes = _whole_prefix_bytes(body)
    return whole_bytes > 0 and not body[whole_bytes:].strip(_SPACE)


def _whole_prefix_bytes(body: bytes) -> int:
    """
    Return the length of the gzip member or JSON object at the start of *body*; 0 if there is none.

    At most `MAX_RATIO` times the body, or `MIN_BUDGET_BYTES` if that is more, are inflated.
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
        # Old pings may have Latin-1 text instead of UTF-8; that is not damage.
        _, end = _decoder.raw_decode(body.decode("latin-1"), start)
    except (ValueError, RecursionError):
        return 0
    return end


def is_cut_short(body: bytes) -> bool:
    """
    Whether *body* is empty or ends inside a JSON object.

    A body that does not start like JSON counts as whole: conversion decides on it.
    """
    text = body.lstrip(b" \t\r\n")
    if not text.startswith(b"{"):
        return not text
    between = _STRING.sub(b"", text)
    return b'"' in between or between.count(b"{") > between.count(b"}")
