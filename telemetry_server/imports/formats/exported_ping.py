"""Values shared by the readers of old exports: pings, damage, format names."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from urllib.parse import quote

SUBMIT_PREFIX = "/submit/telemetry/"
MAX_PATH_BYTES = 10_240  # max_path_length of the old server
MAX_LINE_BYTES = 16 << 20  # twice the converter's limit, so that the converter refuses pings as too_large

EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)

_PLAIN = re.compile(rb"[!-~]*")
_SAFE = "".join(map(chr, range(0x21, 0x7F)))


class ExportFormat(StrEnum):
    """The formats of exported data, as named by ``convert --format``."""

    AUTO = "auto"
    PACKED = "packed"
    EXPORT = "export"
    LINES = "lines"


@dataclass(frozen=True, slots=True)
class ExportedPing:
    """One submission of an old export."""

    path: str  # "/submit/telemetry/<id>[/…]", percent-encoded, without a query
    received_at: datetime  # UTC
    body: bytes  # as received, gzipped or not


@dataclass(frozen=True, slots=True)
class ExportDamage:
    """The damage in an export; ``ExportDamage()`` means none."""

    records: int = 0  # a lower bound: neighbours without headers count as one
    bytes: int = 0

    def __add__(self, other: "ExportDamage") -> "ExportDamage":
        return ExportDamage(self.records + other.records, self.bytes + other.bytes)

    def __bool__(self) -> bool:
        return bool(self.records or self.bytes)


def submit_path(stored: bytes) -> str:
    """
    Return the path that a client submitted to, from the part that the old server stored.

    Args:
        stored: ``<id>[/…]``, or a whole path that begins with ``/submit/``.

    Returns:
        ASCII text; bytes that are not allowed in a URL are percent-encoded, so that nothing is lost.
    """
    text = stored.decode("ascii") if _PLAIN.fullmatch(stored) else quote(stored, safe=_SAFE)
    return text if text.startswith("/submit/") else SUBMIT_PREFIX + text


def start_of(day: date) -> datetime:
    """Return midnight UTC at the start of *day*."""
    return datetime.combine(day, time(), UTC)
