"""Answers as values: what a handler returns, before anything is sent."""

import csv
import gzip
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
CSV = "text/csv; charset=utf-8"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
MIN_GZIP_BYTES = 860  # below that, a packet is a packet
GZIP_LEVEL = 5
# A spreadsheet takes cells that begin so as formulas.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


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
    buffer = io.StringIO()
    lines = csv.writer(buffer, lineterminator="\r\n")
    lines.writerow([_cell(name) for name in columns])
    lines.writerows([_cell(cell) for cell in row] for row in rows)
    body = buffer.getvalue().encode("utf-8", "replace")
    return Answer(body, CSV, headers=headers, is_cacheable=True)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


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
