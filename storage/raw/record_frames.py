"""
Submissions as records of a segment, and the frames of a batch: in C where that was built, else in Python.

The Python functions are the reference; tests hold both to the same bytes.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from storage.checksums.checksum import crc32c
from storage.raw.framing import (
    BODY_IS_GZIP,
    CRC,
    FORMAT_VERSION,
    HEAD,
    MAX_BODY_BYTES,
    MAX_HEADER_BYTES,
    MIN_RECORD_BYTES,
    PADDING,
    RecordType,
    frame_mark,
    header_json,
    submission_in,
)
from storage.raw.submission import Submission

STAMP_BYTES = 44  # {"received_at":"2026-11-28T10:00:00.000000Z"
MIN_APART_BYTES = 16384  # a longer body is a buffer of its own: it is not copied


class RawRecord(NamedTuple):
    """A submission as a record holds it; its place in the segment comes with the frame."""

    day: date  # of the segment, in UTC
    header: bytes  # JSON
    text: bytes  # ends with the body
    start: int = 0  # of the body in it: a body that arrived with its head is not copied

    @property
    def body_bytes(self) -> int:
        """The length of the body."""
        return len(self.text) - self.start


def record_of(submission: Submission) -> RawRecord:
    """Return the record of *submission*."""
    return RawRecord(submission.received_at.date(), header_json(submission), submission.body)


def submission_of(record: RawRecord) -> Submission:
    """Return the submission of *record*."""
    return submission_in(record.header, record.text[record.start :])


def header_rest(submission: Submission) -> bytes:
    """Return what follows the moment in the header of *submission*."""
    return header_json(submission)[STAMP_BYTES:]


def plain_stamped(moment: datetime, rest: bytes) -> bytes:
    """Return a header: *moment* in UTC, then *rest* as `header_rest` gives it."""
    text = moment.isoformat("T", "microseconds")[:26]
    return b'{"received_at":"%bZ"%b' % (text.encode(), rest)


def plain_frame(
    records: Sequence[RawRecord], offset: int, prefix: bytes, sequence: int
) -> tuple[list[bytes | memoryview], int]:
    """
    Return the buffers to append for *records* and their batch commit, and the new last sequence.

    Args:
        offset: Length of the file so far.
        prefix: `record_prefix` of the file.
        sequence: Sequence of the last ping record in the file, 0 for an empty file.

    Raises:
        ValueError: A body or a header is longer than the format allows.
    """
    # Not split into functions: this runs for every submission.
    pack_head, pack_crc, padding = HEAD.pack, CRC.pack, PADDING
    buffers: list[bytes | memoryview] = []
    parts: list[bytes] = []
    add = parts.append
    for _day, header, text, start in records:
        sequence += 1
        body: Any = memoryview(text)[start:] if start else text
        header_bytes, body_bytes = len(header), len(body)
        if header_bytes > MAX_HEADER_BYTES or body_bytes > MAX_BODY_BYTES:
            raise ValueError("a submission is larger than a raw record may be")
        flags = BODY_IS_GZIP if text[start : start + 2] == b"\x1f\x8b" else 0
        head = pack_head(prefix, FORMAT_VERSION, 1, flags, header_bytes, body_bytes, sequence)
        pad = -offset & 7
        add(padding[pad])
        add(head)
        add(pack_crc(crc32c(head)))
        add(header)
        if body_bytes >= MIN_APART_BYTES:
            buffers += [b"".join(parts), body]
            parts.clear()
        else:
            add(body)
        add(pack_crc(crc32c(body, crc32c(header))))
        offset += pad + MIN_RECORD_BYTES + header_bytes + body_bytes
    add(frame_mark(RecordType.BATCH_COMMIT, offset=offset, prefix=prefix, sequence=sequence))
    buffers.append(b"".join(parts))
    return buffers, sequence


frame: Callable[[list[RawRecord], int, bytes, int], tuple[list[bytes | memoryview], int]] = plain_frame
stamped: Callable[[datetime, bytes], bytes] = plain_stamped
with suppress(ImportError):
    from storage.raw import _records

    frame, stamped = _records.frame, _records.stamped
IS_COMPILED = frame is not plain_frame


def header_of(moment: datetime, rest: bytes) -> bytes:
    """Return the header of a record that arrived at *moment*; *rest* is what follows the moment."""
    return stamped(moment if moment.tzinfo is UTC else moment.astimezone(UTC), rest)
