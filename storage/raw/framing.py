"""
The frame around a submission, which makes damage visible.

A segment is a 64-byte file header and then records, each starting 8-byte
aligned (zeros before it)::

    file header   magic TLGSEG01 · version u16 · 0 u16 · worker u32 · boot id 16
                  · segment number u64 · created u64 (µs since 1970) · 12 zeros · CRC-32C u32
    record head   magic 9F 54 4C 52 + 4 bytes of the boot id · version u8 · type u8
                  · flags u16 · header length u32 · body length u32 · sequence u64
                  · CRC-32C u32 of the 28 bytes before it … 32 bytes in all
    then          header (UTF-8 JSON) · body as received · CRC-32C u32 of both

Little-endian throughout.  The head has its own CRC, so that a length is
verified before it is used.  Sequence numbers count the ping
records of a file from 1; a batch commit or a seal repeats the last one, so a
gap says how many *submissions* are gone.

A batch commit may have zeros as its body.  They fill a page of 4,096 bytes, so
that a batch can be written in whole pages, without the page cache.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from struct import Struct

import orjson

from storage.checksums.checksum import crc32c
from storage.errors import DamagedRecord, TornRecord
from storage.raw.submission import Submission

FILE_MAGIC = b"TLGSEG01"
RECORD_MAGIC = b"\x9fTLR"
FORMAT_VERSION = 1
FILE_HEADER_BYTES = 64
HEAD_BYTES = 32
TAIL_BYTES = 4
MIN_RECORD_BYTES = HEAD_BYTES + TAIL_BYTES
MAX_HEADER_BYTES = 1 << 20
MAX_BODY_BYTES = (1 << 31) - 1
BODY_IS_GZIP = 1

_FILE_HEADER = Struct("<8sHHI16sQQ12x")
HEAD = Struct("<8sBBHIIQ")
CRC = Struct("<I")
PADDING = tuple(bytes(count) for count in range(8))
_REQUIRED_FIELDS = frozenset({"received_at", "path", "query", "method", "protocol", "host", "headers"})
_EMPTY_CRC = CRC.pack(crc32c(b""))


class RecordType(IntEnum):
    """What a record is for."""

    PING = 1
    BATCH_COMMIT = 2
    SEAL = 3
    REMOVED = 4  # a submission that was deleted: its header and body are zeros


@dataclass(frozen=True, slots=True)
class FileHeader:
    """The header of a segment: its writer and number."""

    worker: int
    boot_id: bytes  # 16 random bytes, one set per writer
    number: int
    created_at: datetime

    def packed(self) -> bytes:
        """Return the 64 bytes at the start of a segment."""
        microseconds = int(self.created_at.timestamp() * 1_000_000)
        fields = _FILE_HEADER.pack(
            FILE_MAGIC, FORMAT_VERSION, 0, self.worker, self.boot_id, self.number, microseconds
        )
        return fields + CRC.pack(crc32c(fields))


@dataclass(frozen=True, slots=True)
class RecordHead:
    """The fixed part of a record, with its lengths."""

    type: int
    flags: int
    header_bytes: int
    body_bytes: int
    sequence: int

    @property
    def is_submission(self) -> bool:
        """Whether the record is or was a submission."""
        return self.type in (RecordType.PING, RecordType.REMOVED)

    @property
    def record_bytes(self) -> int:
        """Length from the first byte of the head to the end of the record, unaligned."""
        return HEAD_BYTES + self.header_bytes + self.body_bytes + TAIL_BYTES


def parse_file_header(buffer: bytes) -> FileHeader | None:
    """Return the header at the start of *buffer*; None if it is short, damaged or of another version."""
    if len(buffer) < FILE_HEADER_BYTES:
        return None
    magic, version, _, worker, boot_id, number, microseconds = _FILE_HEADER.unpack_from(buffer)
    (crc,) = CRC.unpack_from(buffer, FILE_HEADER_BYTES - 4)
    if magic != FILE_MAGIC or version != FORMAT_VERSION or crc != crc32c(buffer[:60]):
        return None
    try:
        created_at = datetime.fromtimestamp(microseconds / 1_000_000, UTC)
    except (OverflowError, OSError, ValueError):
        return None
    return FileHeader(worker, boot_id, number, created_at)


def record_prefix(boot_id: bytes) -> bytes:
    """Return the 8 bytes at the start of every record of a file; other files have others."""
    return RECORD_MAGIC + boot_id[:4]


def aligned(offset: int) -> int:
    """Return the first place at or after *offset* where a record may start."""
    return (offset + 7) & ~7


def parse_head(buffer: bytes, position: int, prefix: bytes) -> RecordHead | None:
    """
    Return the record head at *position* of *buffer*, which must hold its 32 bytes.

    Returns:
        None if it is not a head of this file, is damaged, or its lengths
        exceed the limits.
    """
    magic, version, type_, flags, header_bytes, body_bytes, sequence = HEAD.unpack_from(buffer, position)
    if magic != prefix or version != FORMAT_VERSION:
        return None
    (crc,) = CRC.unpack_from(buffer, position + 28)
    if crc != crc32c(buffer[position : position + 28]):
        return None
    if header_bytes > MAX_HEADER_BYTES or body_bytes > MAX_BODY_BYTES:
        return None
    return RecordHead(type_, flags, header_bytes, body_bytes, sequence)


def frame_mark(mark: RecordType, *, offset: int, prefix: bytes, sequence: int) -> bytes:
    """Return a batch commit or a seal for the place *offset*: a record without header and body."""
    head = HEAD.pack(prefix, FORMAT_VERSION, mark, 0, 0, 0, sequence)
    return PADDING[-offset & 7] + head + CRC.pack(crc32c(head)) + _EMPTY_CRC


def removed_record(head: RecordHead, prefix: bytes) -> bytes:
    """Return what replaces the submission of *head*: a record of the same length, with zeros as its data."""
    lengths = head.header_bytes, head.body_bytes
    packed = HEAD.pack(prefix, FORMAT_VERSION, RecordType.REMOVED, 0, *lengths, head.sequence)
    zeros = bytes(sum(lengths))
    return packed + CRC.pack(crc32c(packed)) + zeros + CRC.pack(crc32c(zeros))


def header_json(submission: Submission) -> bytes:
    """Return the metadata of a submission as the JSON header of its record."""
    received_at = submission.received_at
    if received_at.tzinfo is not UTC:
        received_at = received_at.astimezone(UTC)
    fields: dict[str, object] = {
        # Cut the offset, and always six decimals: isoformat alone drops a zero fraction.
        "received_at": received_at.isoformat("T", "microseconds")[:26] + "Z",
        "path": submission.path,
        "query": submission.query,
        "method": submission.method,
        "protocol": submission.protocol,
        "host": submission.host,
        "headers": submission.headers,
    }
    if submission.client_address is not None:
        fields["client_address"] = submission.client_address
    if submission.place:
        fields["place"] = submission.place
        if submission.fault:
            fields["fault"] = submission.fault
    try:
        return orjson.dumps(fields)
    except TypeError:
        # A lone surrogate, or a mapping that is not a dict: one odd submission must not fail its batch.
        return orjson.dumps(_plain(fields))


def parse_record(buffer: bytes, prefix: bytes) -> Submission:
    """
    Return the submission in *buffer*, which must be one whole ping record.

    Raises:
        TornRecord: It is shorter than its lengths say.
        DamagedRecord: A checksum disagrees, or it is not a ping record.
    """
    if len(buffer) < MIN_RECORD_BYTES:
        raise TornRecord("a raw record ends inside its head")
    head = parse_head(buffer, 0, prefix)
    if head is None or head.type != RecordType.PING:
        raise DamagedRecord("a raw record's head is damaged")
    if len(buffer) < head.record_bytes:
        raise TornRecord("a raw record ends before its length says")
    if not has_its_data(buffer, head):
        raise DamagedRecord(f"record {head.sequence} does not match its checksum")
    end = head.record_bytes - TAIL_BYTES
    body_start = HEAD_BYTES + head.header_bytes
    return submission_in(buffer[HEAD_BYTES:body_start], buffer[body_start:end])


def has_its_data(record: bytes, head: RecordHead) -> bool:
    """Return whether *record*, of any type, is whole and matches the checksum of its data."""
    end = head.record_bytes - TAIL_BYTES
    if len(record) < head.record_bytes:
        return False
    return bool(crc32c(memoryview(record)[HEAD_BYTES:end]) == CRC.unpack_from(record, end)[0])


def submission_in(header: bytes, body: bytes) -> Submission:
    """
    Return the submission of a record's header and body.

    Raises:
        DamagedRecord: The header is not valid.
    """
    try:
        fields = orjson.loads(header)
        return Submission(
            received_at=datetime.fromisoformat(fields["received_at"]),
            path=fields["path"],
            body=body,
            query=fields["query"],
            method=fields["method"],
            protocol=fields["protocol"],
            host=fields["host"],
            headers=fields["headers"],
            client_address=fields.get("client_address"),
            place=fields.get("place", ""),
            fault=fields.get("fault", ""),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedRecord("a raw record's header is not valid") from error


def arrival_of(header: bytes) -> datetime | None:
    """Return when a submission came, None where `submission_in` refuses *header*; this costs half as much."""
    try:
        fields = orjson.loads(header)
        received_at = datetime.fromisoformat(fields["received_at"])
        return received_at if fields.keys() >= _REQUIRED_FIELDS else None
    except (ValueError, KeyError, TypeError):
        return None


def _plain(value: object) -> object:
    """Return *value* with lone surrogates escaped, and every mapping as a dict."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return {str(_plain(name)): _plain(part) for name, part in dict(value).items()}  # type: ignore[call-overload]
