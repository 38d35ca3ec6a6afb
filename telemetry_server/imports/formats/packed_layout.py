"""
Reads and writes records in the three layouts of the old server's packed logs.

All integers are little-endian; SEP is 0x1e; the time is in ms since 1970::

    v0   path_len u32, data_len u32, time u64                          path, data
    v1   SEP u8, path_len u16, data_len u32, time u64                  path, data
    v2   SEP u8, ip_len u8, path_len u16, data_len u32, time u64   ip, path, data

A header has no checksum, so it is accepted only if every field is plausible:
lengths within the old server's limits, the time within this century, path
and address printable.  The time alone is plausible in 1 of 6 million random headers.
"""

import re
import struct
from enum import StrEnum
from typing import NamedTuple

from telemetry_server.imports.formats.exported_ping import EARLIEST, LATEST, MAX_PATH_BYTES

SEPARATOR = 0x1E
MAX_DATA_BYTES = 1 << 20
MAX_IP_BYTES = 255
# A clock that was never set counts from 1970; 0 is excluded because runs of zeros would match.
UNSET_CLOCK_MS = 1
EARLIEST_MS = int(EARLIEST.timestamp() * 1000)
LATEST_MS = int(LATEST.timestamp() * 1000)  # exclusive

_TEXT = re.compile(rb"[ -~\x80-\xff]*")  # URLs and addresses have no control characters
_PATH_SAMPLE_BYTES = 36  # a document id


class PackedVersion(StrEnum):
    """The layouts of packed logs, as spelled in file names."""

    V0 = "v0"
    V1 = "v1"
    V2 = "v2"


class RecordOffsets(NamedTuple):
    """The offsets of the parts of a record in its buffer."""

    path: int
    data: int
    end: int
    time_ms: int


class Layout:
    """
    The layout of records of one version.

    Args:
        max_data_bytes: Maximum plausible length of the data.
        earliest_ms: Earliest plausible time.
    """

    def __init__(
        self,
        version: PackedVersion,
        max_data_bytes: int = MAX_DATA_BYTES,
        earliest_ms: int = EARLIEST_MS,
    ) -> None:
        self.earliest_ms = earliest_ms
        self.version = version
        self.max_data_bytes = max_data_bytes
        self._header = _HEADERS[version]
        self._is_separated = version is not PackedVersion.V0
        self._has_ip = version is PackedVersion.V2
        self._pattern, self._pattern_offset = _candidate_pattern(version, max_data_bytes, earliest_ms)
        self.header_bytes = self._header.size
        self.max_record_bytes = self.header_bytes + MAX_IP_BYTES + MAX_PATH_BYTES + max_data_bytes

    def extent_at(self, buffer: bytes, offset: int) -> RecordOffsets | None:
        """
        Return the record whose header is at *offset*; None if the header is not plausible.

        The record may end after the buffer; the caller must check that.
        """
        if offset < 0 or offset + self.header_bytes > len(buffer):
            return None
        fields = self._header.unpack_from(buffer, offset)
        path_bytes, data_bytes, time_ms = fields[-3:]
        if (
            path_bytes > MAX_PATH_BYTES
            or data_bytes > self.max_data_bytes
            or not self.earliest_ms <= time_ms < LATEST_MS
            or (self._is_separated and fields[0] != SEPARATOR)
        ):
            return None
        ip = offset + self.header_bytes
        path = ip + fields[1] if self._has_ip else ip
        data = path + path_bytes
        if not _TEXT.fullmatch(buffer, ip, data):
            return None
        return RecordOffsets(path, data, data + data_bytes, time_ms)

    def next_extent(self, buffer: bytes, start: int, end: int) -> int:
        """Return the first offset in [start, end) where a plausible record begins; -1 if there is none."""
        shift = self._pattern_offset
        last = min(end + self.header_bytes, len(buffer))
        for match in self._pattern.finditer(buffer, start + shift, last):
            offset = match.start() - shift
            if offset >= end:
                break
            if self.extent_at(buffer, offset) is not None:
                return offset
        return -1

    def resembles_header(self, buffer: bytes, offset: int) -> bool:
        """
        Whether a record seems to begin at *offset*, with at most one wrong field in its header.

        This is weak evidence, for boundaries without evidence against them.
        """
        if self._is_separated and buffer[offset] == SEPARATOR:
            return True
        if offset + self.header_bytes > len(buffer):
            return False
        fields = self._header.unpack_from(buffer, offset)
        path_bytes, data_bytes, time_ms = fields[-3:]
        path = offset + self.header_bytes + (fields[1] if self._has_ip else 0)
        sample_end = path + min(path_bytes, _PATH_SAMPLE_BYTES)
        right = (
            path_bytes <= MAX_PATH_BYTES,
            data_bytes <= self.max_data_bytes,
            self.earliest_ms <= time_ms < LATEST_MS,
            _TEXT.fullmatch(buffer, path, sample_end) is not None,
        )
        least_right = len(right) if self._is_separated else len(right) - 1
        return right.count(True) >= least_right


_HEADERS = {
    PackedVersion.V0: struct.Struct("<IIQ"),
    PackedVersion.V1: struct.Struct("<BHIQ"),
    PackedVersion.V2: struct.Struct("<BBHIQ"),
}


def encode_record(version: PackedVersion, path: bytes, data: bytes, time_ms: int, ip: bytes = b"") -> bytes:
    """
    Return one record as the old server appended it to its log.

    Args:
        path: The submitted path without ``/submit/telemetry/`` and query.
        time_ms: When it arrived, in ms since 1970.
        ip: The client's address; only v2 stores it.

    Raises:
        struct.error: A part is too long for its length field.
    """
    header = _HEADERS[version]
    if version is PackedVersion.V0:
        return header.pack(len(path), len(data), time_ms) + path + data
    if version is PackedVersion.V1:
        return header.pack(SEPARATOR, len(path), len(data), time_ms) + path + data
    return header.pack(SEPARATOR, len(ip), len(path), len(data), time_ms) + ip + path + data


def _candidate_pattern(
    version: PackedVersion, max_data_bytes: int, earliest_ms: int
) -> tuple[re.Pattern[bytes], int]:
    """
    Return a pattern that matches every plausible header and little else, and its offset in the header.

    It begins with a literal, which the regex engine searches quickly:
    SEP, or in v0 the two high bytes of the path's length, which are always zero.
    """
    top, second = max_data_bytes >> 24, max_data_bytes >> 16
    high_bytes = rb"[\x00-\x%02x]\x00" % second if not top else rb".[\x00-\x%02x]" % top
    # In times of this century the sixth byte is 1 to 3; earlier times must not be all zeros.
    time = rb".....[\x01-\x03]" if earliest_ms == EARLIEST_MS else rb"(?!\x00{6}).....[\x00-\x03]"
    data_len_and_time = rb".." + high_bytes + time + rb"\x00\x00"
    if version is PackedVersion.V0:
        return re.compile(rb"\x00(?=\x00" + data_len_and_time + rb")", re.DOTALL), 2
    ip_len = b"." if version is PackedVersion.V2 else b""
    path_len = rb".[\x00-\x28]"
    # A lookahead, because candidates may overlap.
    rest = rb"(?=" + ip_len + path_len + data_len_and_time + rb")"
    return re.compile(rb"\x1e" + rest, re.DOTALL), 0
