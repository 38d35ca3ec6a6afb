"""
Passes over the intact records of a segment, in C where that was built, else in Python.

Nearly all records are intact.  `plain_intact` is the reference; tests check that both give the same results.
Both stop at damage, at a seal and at the end; `scan_segment` continues from there.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress

from storage.raw.framing import (
    FILE_HEADER_BYTES,
    HEAD_BYTES,
    MIN_RECORD_BYTES,
    RecordType,
    aligned,
    has_its_data,
    parse_file_header,
    parse_head,
    record_prefix,
)

WINDOW_BYTES = 4 << 20
UNKNOWN = -1  # stands for the sequence number of the previous submission
Buffer = bytes | bytearray | memoryview


def plain_intact(
    buffer: Buffer, stop: int, prefix: bytes, last_sequence: int
) -> tuple[int, int, list[bytes], int]:
    """
    Pass over the records at the start of *buffer* that are whole, in order, and match their checksums.

    Args:
        buffer: A part of a segment, from where a record may start.
        stop: A record that starts there or later is not read.
        prefix: `record_prefix` of the file.
        last_sequence: Sequence number of the previous submission, or `UNKNOWN`.

    Returns:
        The end of the last record, its sequence number, the headers of the submissions, and the number of
        deleted submissions.
    """
    text = bytes(buffer)
    place, headers, removed = 0, [], 0
    while (start := aligned(place)) < stop and start + MIN_RECORD_BYTES <= len(text):
        head = parse_head(text, start, prefix)
        if (
            head is None
            or head.type not in (RecordType.PING, RecordType.REMOVED, RecordType.BATCH_COMMIT)
            or head.sequence >= 1 << 63
            or last_sequence not in (UNKNOWN, head.sequence - head.is_submission)
            or not has_its_data(text[start : start + head.record_bytes], head)
        ):
            break
        if head.type == RecordType.PING:
            headers.append(text[start + HEAD_BYTES : start + HEAD_BYTES + head.header_bytes])
        removed += head.type == RecordType.REMOVED
        last_sequence = head.sequence
        place = start + head.record_bytes
    return place, last_sequence, headers, removed


intact: Callable[[Buffer, int, bytes, int], tuple[int, int, list[bytes], int]] = plain_intact
with suppress(ImportError):
    from storage.raw import _records

    intact = _records.intact
IS_COMPILED = intact is not plain_intact


class IntactRecords:
    """
    The intact records of an open segment.

    Args:
        descriptor: The segment.
        position: Where to begin: 0, or the end of a record.
        last_sequence: Sequence number of the submission before *position*; None if it is not known.
    """

    def __init__(self, descriptor: int, position: int, last_sequence: int | None) -> None:
        self.position = position  # where the next record may start, unaligned
        self.last_sequence = last_sequence
        self._descriptor = descriptor
        header = parse_file_header(os.pread(descriptor, FILE_HEADER_BYTES, 0))
        self._prefix = None if header is None else record_prefix(header.boot_id)
        if header is not None and position <= FILE_HEADER_BYTES:
            self.position, self.last_sequence = FILE_HEADER_BYTES, 0

    def before(self, stop: int | None = None) -> Iterator[tuple[list[bytes], int]]:
        """
        Yield headers and the number of deleted submissions, up to the first record that is not intact.

        Args:
            stop: A record that starts there or later is not read.
        """
        if self._prefix is None:
            return
        window = bytearray(WINDOW_BYTES)
        while stop is None or self.position < stop:
            start = aligned(self.position)
            size = os.preadv(self._descriptor, [window], start)
            length, last, headers, removed = intact(
                memoryview(window)[:size],
                size if stop is None else stop - start,
                self._prefix,
                UNKNOWN if self.last_sequence is None else self.last_sequence,
            )
            if not length:
                return
            self.position, self.last_sequence = start + length, last
            yield headers, removed
