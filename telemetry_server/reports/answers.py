"""Answers as values: what a handler returns, before anything is sent."""

import gzip
import hashlib
import io
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from telemetry_server.terminal.csv_text import csv_text

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
CSV = "text/csv; charset=utf-8"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
NOT_KEPT = "private, no-store"
MIN_GZIP_BYTES = 860  # below that, a packet is a packet
GZIP_LEVEL = 5
MAX_PADDING_BYTES = 100
IN_ADDRESSES = "/?#[]@!$&'()*+,;=:%~"  # RFC 3986, 2.2, with what is escaped already


@dataclass(frozen=True, slots=True)
class Packed:
    """A body in a gzip file, which is removed when it is sent."""

    path: Path
    size: int  # unpacked


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; *is_cacheable* ones get an ETag, and 304 where the client has them."""

    body: bytes
    content_type: str = JSON
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Sequence[str] = ()  # whole values of Set-Cookie
    is_cacheable: bool = False
    cache_control: str = "private, no-cache"
    packed: Packed | None = None  # instead of *body*

    @property
    def etag(self) -> str:
        """A weak tag: one for the plain and the compressed form."""
        return f'W/"{hashlib.sha256(self.body).hexdigest()[:32]}"'


def json_answer(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Return *value* as JSON."""
    body = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS) + b"\n"
    return Answer(body, status=status, headers=headers or {}, is_cacheable=status == 200)


def see_other(where: str, cookies: Sequence[str] = ()) -> Answer:
    """Return a 303 to *where*, an address on this host."""
    headers = {"Location": quote(where, safe=IN_ADDRESSES, errors="replace")}
    return Answer(b"", TEXT, 303, headers, cookies, cache_control="no-store")


def not_kept(answer: Answer) -> Answer:
    """Return *answer* for the reader's eyes only: no cache keeps a copy of records."""
    return replace(answer, is_cacheable=False, cache_control=NOT_KEPT)


def csv_answer(columns: Sequence[str], rows: Sequence[Sequence[Any]], headers: Mapping[str, str]) -> Answer:
    """Return *rows* as CSV under a line of names; cells that a spreadsheet would run are neutralised."""
    body = csv_text(columns, rows).encode("utf-8", "replace")
    return Answer(body, CSV, headers=headers, is_cacheable=True)


def compressed(body: bytes, *, hides_length: bool = False) -> bytes:
    """
    Return *body* as gzip.

    Args:
        hides_length: Add a file name of random length: who sees only lengths must not guess a secret on
            a page from how well it compresses beside a text of theirs (BREACH).
    """
    name = secrets.token_hex(secrets.randbelow(MAX_PADDING_BYTES // 2) + 1) if hides_length else ""
    stream = io.BytesIO()
    with gzip.GzipFile(name, "wb", GZIP_LEVEL, stream, mtime=0) as packed:
        packed.write(body)
    return stream.getvalue()


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether a client that sent this ``Accept-Encoding`` takes gzip."""
    for part in accept_encoding.lower().split(","):
        coding, _, weight = part.strip().partition(";")
        if coding.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
