"""
Reads the head of a plain submit, the only kind of request that the fast path takes.

It knows one narrow shape that every HTTP parser reads alike.  For anything else, well-formed
or not, it returns None, and aiohttp's parser reads the request.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from telemetry_server.edge.limits import EdgeLimits
from telemetry_server.edge.request_headers import FORWARDED_FOR, KEPT_HEADERS
from telemetry_server.edge.submit_head import SubmitHead

MAX_HEAD_BYTES = 4096
STARTS = (b"POST /submit/", b"PUT /submit/")
END = b"\r\n\r\n"

_LINE = re.compile(
    r"(POST|PUT) (/submit/[A-Za-z0-9/._~+=&%:@,;!$'()*-]+)(?:\?([A-Za-z0-9/._~+=&?%:@,;!$'()*-]*))? HTTP/1\.1"
)
_FIELD = re.compile(r"([A-Za-z0-9-]{1,64}): ([!-~](?:[ -~]*[!-~])?)")
_BEGUN_LINE = re.compile(r"[!-~]+(?: [!-~]*){0,2}\r?")
_BEGUN_FIELD = re.compile(r"(?:[A-Za-z0-9-]{1,64}(?::(?: [ -~]*)?)?)?\r?")
_LENGTH = re.compile(r"[0-9]{1,15}")
_KEPT = frozenset(KEPT_HEADERS.values())
# These headers change where a request ends, or what follows it.
_ODD = frozenset(
    {
        "expect",
        "http2-settings",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "sec-websocket-key1",
    }
)
CLOSE = "close"
_CONNECTION = frozenset({"keep-alive", CLOSE})


class PlainHead(NamedTuple):
    """The head of a plain submit."""

    submit: SubmitHead
    body_bytes: int
    is_last: bool  # the client asks to close the connection after it
    has_origin: bool  # it comes from a web page


def may_become_plain(received: bytes) -> bool:
    """
    Return whether *received*, the beginning of a head, may become the head of a plain submit.

    Its complete lines must be plain: aiohttp refuses some lines before the head ends.
    """
    if (
        len(received) > MAX_HEAD_BYTES
        or not any(received[: len(start)] == start[: len(received)] for start in STARTS)
        or received.count(b"\n") != received.count(b"\r\n")
    ):
        return False
    *lines, begun = received.decode("latin-1").split("\r\n")
    if not lines:
        return _BEGUN_LINE.fullmatch(begun) is not None
    fields = [_field(line) for line in lines[1:]]
    names = {field[0] for field in fields if field is not None}
    return (
        _LINE.fullmatch(lines[0]) is not None
        and len(names) == len(fields)
        and _BEGUN_FIELD.fullmatch(begun) is not None
    )


def plain_head(head: bytes, limits: EdgeLimits) -> PlainHead | None:
    """
    Read *head*, without the empty line that ends it.

    Returns:
        None if the request is not plain, or exceeds one of the *limits* of a head.
    """
    # Flat on purpose: this runs for every submission.
    if len(head) > MAX_HEAD_BYTES:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    line = _LINE.fullmatch(first)
    if line is None or len(lines) > limits.max_headers:
        return None
    headers: dict[str, str] = {}
    others: dict[str, str] = {}
    for text in lines:
        field = _field(text)
        if field is None:
            return None
        name, value, is_kept = field
        fields = headers if is_kept else others
        if name in fields:
            return None
        fields[name] = value
    method, path, query = line.groups("")
    host, length = others.get("host"), headers.get("content-length")
    if host is None or length is None or len(path) + len(query) + 1 > limits.max_target_bytes:
        return None
    is_last = "connection" in others and others["connection"].lower() == CLOSE
    most = limits.max_kept_header_bytes
    if len(head) > most and max(len(host), *map(len, headers.values())) > most:
        return None
    forwarded_for = headers.pop(FORWARDED_FOR, None) if FORWARDED_FOR in headers else None
    submit = SubmitHead(method, path, query, "HTTP/1.1", host, headers, forwarded_for)
    return PlainHead(submit, int(length), is_last, "origin" in others)


# Clients of one kind send the same lines again and again.  The size bounds what a hostile client can fill.
@lru_cache(maxsize=1024)
def _field(line: str) -> tuple[str, str, bool] | None:
    """Return lower-case name, value, and whether it is kept; None if a plain request cannot have it."""
    found = _FIELD.fullmatch(line)
    if found is None:
        return None
    name, value = found[1].lower(), found[2]
    if name in _ODD or (name == "content-length" and not _LENGTH.fullmatch(value)):
        return None
    if name == "connection" and value.lower() not in _CONNECTION:
        return None
    return name, value, name in _KEPT
