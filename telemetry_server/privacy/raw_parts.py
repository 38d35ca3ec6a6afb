"""Reads a segment to find ids: its submissions and its damaged bytes."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from storage.errors import DamagedRecord, TornRecord
from storage.raw.reader import read_submission, scan_segment
from storage.raw.submission import Submission
from telemetry_server.privacy.identifiers.damaged_bytes import ids_in_damaged
from telemetry_server.privacy.identifiers.submission_ids import ids_in_submission

SCAN_BYTES, SCAN_RECORDS = 16 << 20, 4096
PIECE_BYTES, OVERLAP_BYTES = 32 << 20, 1 << 20


@dataclass(frozen=True, slots=True)
class RawPart:
    """
    A submission of a segment, or damaged bytes.

    Attributes:
        offset: Where the submission or the damaged region begins.
        submission: None if the bytes are damaged.
        damaged: The damaged bytes; a large region is several parts, and each overlaps the next.
    """

    offset: int
    submission: Submission | None
    damaged: bytes = b""

    def ids(self) -> set[bytes]:
        """Return every UUID in it, as far as its bytes can be read."""
        return ids_in_damaged(self.damaged) if self.submission is None else ids_in_submission(self.submission)


def raw_parts(segment: Path, start: int = 0) -> Iterator[RawPart]:
    """
    Yield the parts of *segment* from *start* on; nothing if it was removed.

    Raises:
        OSError: The segment cannot be read.
    """
    try:
        stream = segment.open("rb")
    except FileNotFoundError:
        return  # removed after its retention
    with stream:
        descriptor = stream.fileno()
        last_sequence = None
        while True:
            scan = scan_segment(
                segment, start, max_bytes=SCAN_BYTES, max_records=SCAN_RECORDS, last_sequence=last_sequence
            )
            for span in scan.spans:
                try:
                    yield RawPart(span.offset, read_submission(descriptor, span))
                except (DamagedRecord, TornRecord):
                    yield from _damaged(descriptor, span.offset, span.offset + span.length_bytes)
            for first, end in scan.damage.regions:
                yield from _damaged(descriptor, first, end)
            if scan.finished or scan.end == start:
                return
            start, last_sequence = scan.end, scan.last_sequence


def _damaged(descriptor: int, first: int, end: int) -> Iterator[RawPart]:
    for start in range(first, end, PIECE_BYTES):
        stop = min(start + PIECE_BYTES + OVERLAP_BYTES, end)
        yield RawPart(first, None, os.pread(descriptor, stop - start, start))
