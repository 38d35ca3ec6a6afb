"""Answers as values: what a handler returns, before anything is sent."""

import gzip
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from telemetry_server.terminal.csv_text import csv_text

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
CSV = "text/csv; charset=utf-8"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
MIN_GZIP_BYTES = 860  # below that, a packet is a packet
GZIP_LEVEL = 5


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

    @property
    def etag(self) -> str:
        """A weak tag: one for the plain and the compressed form."""
        return f'W/"{hashlib.sha256(self.body).hexdigest()[:32]}"'


def json_answer(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Return *value* as JSON."""
    body = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS) + b"\n"
    return Answer(body, status=status, headers=headers or {}, is_cacheable=status == 200)


def csv_answer(columns: Sequence[str], rows: Sequence[Sequence[Any]], headers: Mapping[str, str]) -> Answer:
    """Return *rows* as CSV under a line of names; cells that a spreadsheet would run are neutralised."""
    body = csv_text(columns, rows).encode("utf-8", "replace")
    return Answer(body, CSV, headers=headers, is_cacheable=True)


def compressed(body: bytes) -> bytes:
    """Return *body* as gzip, the same bytes each time."""
    return gzip.compress(body, GZIP_LEVEL, mtime=0)


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether a client that sent this ``Accept-Encoding`` takes gzip."""
    for part in accept_encoding.lower().split(","):
        coding, _, weight = part.strip().partition(";")
        if coding.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
