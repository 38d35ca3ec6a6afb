"""Damaged ends of segments: whole records are read, damaged ones are counted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.errors import StorageError
from storage.raw.reader import Span, read_submission, scan_segment, segments
from storage.raw.segment_file import SegmentSeries
from tests.support.data_root import a_ping, submitted
from tests.support.figures import Figure
from tests.support.sizes import size

pytestmark = pytest.mark.slow

RECORDS = 12
Expected = frozenset[int]  # numbers of the submissions that must be readable


def written(folder: Path) -> tuple[Path, bytes, list[Span]]:
    """Return an unsealed segment, its bytes, and the locations of its submissions."""
    with SegmentSeries(folder, worker=0) as series:
        for number in range(RECORDS):
            submission = submitted(a_ping(number), number)
            series.append([submission], day=submission.received_at.date())
        series.abandon()
    (segment,) = segments(folder)
    scan = scan_segment(segment.path, 0, max_bytes=1 << 30, max_records=1 << 20)
    return segment.path, segment.path.read_bytes(), scan.spans


def read(path: Path) -> tuple[Expected, int]:
    """Return the readable numbers, and how many submissions are counted as damaged."""
    scan = scan_segment(path, 0, max_bytes=1 << 30, max_records=1 << 20)
    numbers, damaged = set(), scan.damage.records
    with path.open("rb") as stream:
        for span in scan.spans:
            try:
                numbers.add(int(read_submission(stream.fileno(), span).path[-12:], 16))
            except StorageError:
                damaged += 1
    assert numbers <= set(range(RECORDS)), "a record that was never written"
    return frozenset(numbers), damaged


def untouched(spans: list[Span], begin: int, end: int) -> Expected:
    """Return the submissions without a byte between *begin* and *end*."""
    return frozenset(
        number
        for number, span in enumerate(spans)
        if span.offset >= end or span.offset + span.length_bytes <= begin
    )


def variants(whole: bytes, spans: list[Span], step: int) -> Iterator[tuple[bytes, Expected, bool]]:
    """Yield damaged texts, the numbers that must be readable, and whether others must not be."""
    first = spans[-3].offset
    for end in range(first, len(whole), step):
        yield whole[:end], untouched(spans, end, len(whole)), True
        yield whole[:end] + bytes(len(whole) - end), untouched(spans, end, len(whole)), True
    for bit in range(8 * first, 8 * len(whole), step):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        yield bytes(flipped), untouched(spans, bit // 8, bit // 8 + 1), True
    for block in (64, 512):
        for begin in range(first, len(whole) - 2 * block, 8 * step):
            middle, end = begin + block, begin + 2 * block
            yield whole[:begin] + bytes(block) + whole[middle:], untouched(spans, begin, middle), True
            # A doubled block may hold a whole record, which then is read twice.
            twice = whole[:middle] + whole[begin:middle] + whole[end:]
            yield twice, untouched(spans, middle, end), False
            swapped = whole[:begin] + whole[middle:end] + whole[begin:middle] + whole[end:]
            yield swapped, untouched(spans, begin, end), False


def test_whole_records_are_read_despite_any_damage_at_the_end(tmp_path: Path, figure: Figure) -> None:
    """The last three records are cut, bit-flipped, zeroed, doubled and swapped; reading never raises."""
    path, whole, spans = written(tmp_path)
    figure.title = "T4 torn and flipped ends"
    for text, expected, is_all in variants(whole, spans, size(7, 1)):
        path.write_bytes(text)
        numbers, damaged = read(path)
        assert numbers == expected if is_all else numbers >= expected
        # After a cut the number of records is unknown; otherwise every damaged record is counted.
        assert len(numbers) == RECORDS or damaged or len(text) < len(whole)
        figure.runs += 1
        figure.lost += len(expected - numbers)
    assert figure.runs > 1000
