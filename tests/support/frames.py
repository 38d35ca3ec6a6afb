"""Submissions as the bytes of a segment."""

from storage.raw.record_frames import frame, plain_frame, record_of
from storage.raw.submission import Submission


def frame_batch(batch: list[Submission], *, offset: int, prefix: bytes, sequence: int) -> tuple[bytes, int]:
    """Return the frames of *batch*; the compiled form and the plain form give the same buffers."""
    records = [record_of(submission) for submission in batch]
    found = frame(records, offset, prefix, sequence)

    assert found == plain_frame(records, offset, prefix, sequence)
    return b"".join(found[0]), found[1]
