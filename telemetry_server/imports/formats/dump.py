"""
Reads the export dump of 2013, the input of the first converter.

A record is a salt byte, the date of submission in 8 digits, a 36-character
uuid, TAB, JSON, LF.  The salt is the value of the uuid's first two digits minus
128, mod 256.  It may be LF or TAB itself, so the file cannot be split into lines.
"""

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from telemetry_server.imports.formats.buffered_reader import BufferedReader
from telemetry_server.imports.formats.completeness import is_complete, is_cut_short
from telemetry_server.imports.formats.exported_ping import (
    EARLIEST,
    LATEST,
    MAX_LINE_BYTES,
    ExportDamage,
    ExportedPing,
    start_of,
    submit_path,
)

HEADER_BYTES = 46
TAB_OFFSET = 45
UUID_PATTERN = rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_HEADER = re.compile(rb".([0-9]{8})(" + UUID_PATTERN + rb")\t", re.DOTALL)
_LAST_HYPHEN = re.compile(rb"-(?=[0-9a-fA-F]{12}\t)")
HYPHEN_OFFSET = 32
_HEX = frozenset(b"0123456789abcdefABCDEF")
# Allowed characters by offset, without the salt: recognizes headers with a wrong byte.
_SHAPE = tuple(
    frozenset(b"\t") if at == TAB_OFFSET else frozenset(b"-") if at in (17, 22, 27, 32) else _HEX
    for at in range(1, HEADER_BYTES)
)
MIN_RIGHT_BYTES = 40


def salt_of(document_id: bytes) -> int:
    """Return the first byte of a record of *document_id*."""
    return (int(document_id[:2], 16) - 128) % 256


def encode_dump_record(day: date, document_id: bytes, json: bytes) -> bytes:
    """Return a record of a dump; *document_id* has 36 characters, *json* no LF."""
    return b"%c%s%s\t%s\n" % (salt_of(document_id), day.strftime("%Y%m%d").encode(), document_id, json)


@lru_cache(maxsize=1024)
def sane_day(digits: bytes) -> date | None:
    """Return the day for 8 digits; None if it is invalid or implausible for pings."""
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None
    return day if EARLIEST.date() <= day < LATEST.date() else None


def dump_header_at(buffer: bytes, offset: int) -> tuple[date, bytes] | None:
    """Return the day and document id of the record at *offset*; None without a record."""
    match = _HEADER.match(buffer, offset) if offset >= 0 else None
    if match is None or buffer[offset] != salt_of(match[2]):
        return None
    day = sane_day(match[1])
    return (day, match[2]) if day else None


def next_dump_header(buffer: bytes, start: int, end: int) -> int:
    """Return the offset of the first record from *start* whose TAB is before *end*; -1 if there is none."""
    first_tab = buffer.find(b"\t", start + TAB_OFFSET, end)
    if first_tab < 0:  # the usual case: valid JSON has no TAB
        return -1
    for match in _LAST_HYPHEN.finditer(buffer, max(start, first_tab - TAB_OFFSET) + HYPHEN_OFFSET, end):
        if dump_header_at(buffer, match.start() - HYPHEN_OFFSET):
            return match.start() - HYPHEN_OFFSET
    return -1


class DumpReader:
    """Yields the pings of one dump in order; the time of arrival is midnight UTC of the record's date."""

    def __init__(self, window: BufferedReader, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self.damaged = ExportDamage()
        self._window = window
        self._max_bytes = HEADER_BYTES + max_line_bytes
        self._stray_bytes = 0

    def __iter__(self) -> Iterator[ExportedPing]:
        window = self._window
        while window.fill(HEADER_BYTES):
            if window.at_end and window.available == 1 and window.data.endswith(b"\n"):
                break  # added by an editor or shell: not damage
            header = dump_header_at(window.data, window.position)
            if header is None:
                self._skip_to_header()
                continue
            self._close_damage()
            body = self._take_body()
            if body is not None:
                yield ExportedPing(submit_path(header[1]), start_of(header[0]), body)
        self._close_damage()

    def _take_body(self) -> bytes | None:
        """Return the JSON of the current record and move past it; if damaged, count it and return None."""
        window = self._window
        line_end = self._line_end()
        length = min(line_end if line_end >= 0 else self._max_bytes, window.available)
        start, end = window.position, window.position + length
        # JSON cannot contain a header, because of its TAB: a header in here means that an LF is lost.
        inner = next_dump_header(window.data, start + 1, end)
        if inner >= 0:
            return self._take_before(inner - start)
        if line_end < 0:
            return self._take_unterminated(length)
        body = window.data[start + HEADER_BYTES : end]
        if not self._is_boundary(end + 1) and not is_complete(body):
            self._skip(length + 1)
            return None
        window.position = end + 1
        return body

    def _take_before(self, next_header: int) -> bytes | None:
        """Return the body of a record whose LF is damaged, if its JSON is complete."""
        window = self._window
        body = window.data[window.position + HEADER_BYTES : window.position + next_header - 1]
        if not is_complete(body):
            self._skip(next_header)
            return None
        window.position += next_header - 1
        self._skip(1)
        return body

    def _take_unterminated(self, length: int) -> bytes | None:
        """Return the body of a record without LF, if it is the last one and not cut short."""
        window = self._window
        body = window.data[window.position + HEADER_BYTES : window.position + length]
        if not window.at_end or length < window.available or is_cut_short(body):
            self._skip(length)
            return None
        window.position += length
        return body

    def _line_end(self) -> int:
        """Return the relative offset of the LF of the current record, and buffer the next header."""
        found = self._window.line_end(HEADER_BYTES, self._max_bytes - HEADER_BYTES + 1)
        self._window.fill(found + 1 + HEADER_BYTES)
        return found

    def _is_boundary(self, offset: int) -> bool:
        """Whether *offset* is the end or the start of a record, whose header may be slightly damaged."""
        buffer = self._window.data
        if offset >= len(buffer) or dump_header_at(buffer, offset):
            return True
        shape = zip(buffer[offset + 1 : offset + HEADER_BYTES], _SHAPE, strict=False)
        return sum(byte in allowed for byte, allowed in shape) >= MIN_RIGHT_BYTES

    def _skip_to_header(self) -> None:
        window = self._window
        window.fill(2 * HEADER_BYTES)
        found = next_dump_header(window.data, window.position + 1, len(window.data))
        if found < 0:
            # A header may begin in the last bytes, unless this is the end.
            found = len(window.data) - (0 if window.at_end else TAB_OFFSET)
        self._skip(found - window.position)

    def _skip(self, count_bytes: int) -> None:
        self._window.position += count_bytes
        self._stray_bytes += count_bytes

    def _close_damage(self) -> None:
        if self._stray_bytes:
            records = 1 if self._stray_bytes >= HEADER_BYTES else 0
            self.damaged += ExportDamage(records, self._stray_bytes)
            self._stray_bytes = 0
