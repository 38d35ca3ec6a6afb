"""What the readers of old exports have in common: the ping, the damage, the names of the forms."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from urllib.parse import quote

SUBMIT_PREFIX = "/submit/telemetry/"
MAX_PATH_BYTES = 10_240  # the old receiver's max_path_length
MAX_LINE_BYTES = 16 << 20  # twice what the converter takes, so that it is the one to say "too large"

EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)

_PLAIN = re.compile(rb"[!-~]*")
_SAFE = "".join(map(chr, range(0x21, 0x7F)))


class ExportFormat(StrEnum):
    """The forms of exported data, as ``convert --format`` names them."""

    AUTO = "auto"
    PACKED = "packed"
    EXPORT = "export"
    LINES = "lines"


@dataclass(frozen=True, slots=True)
class ExportedPing:
    """One submission out of an old export, ready to be kept as if it had just arrived."""

    path: str  # "/submit/telemetry/<id>[/…]", percent-encoded, without a query
    received_at: datetime  # UTC
    body: bytes  # as it was received, gzip or not


@dataclass(frozen=True, slots=True)
class ExportDamage:
    """What of an export was in no whole record.  ``Damage()`` is none."""

    records: int = 0  # at least so many: neighbours that lost their headers count as one
    bytes: int = 0

    def __add__(self, other: "ExportDamage") -> "ExportDamage":
        return ExportDamage(self.records + other.records, self.bytes + other.bytes)

    def __bool__(self) -> bool:
        return bool(self.records or self.bytes)


def submit_path(stored: bytes) -> str:
    """
    The path that a client submitted to, from what the old server kept of it.

    Args:
        stored: ``<id>[/…]``, or a whole path that begins with ``/submit/``.

    Returns:
        ASCII text: bytes that no URL may hold bare are percent-encoded, so that nothing is lost.
    """
    text = stored.decode("ascii") if _PLAIN.fullmatch(stored) else quote(stored, safe=_SAFE)
    return text if text.startswith("/submit/") else SUBMIT_PREFIX + text


def start_of(day: date) -> datetime:
    """Midnight, UTC, at which *day* begins."""
    return datetime.combine(day, time(), UTC)
