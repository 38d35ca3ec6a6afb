"""Passing over intact records gives the same in C and in Python, and the same counts as a scan."""

import os
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.integrity.raw_count import RawCount, count_segment
from storage.raw.framing import (
    FILE_HEADER_BYTES,
    aligned,
    parse_file_header,
    parse_head,
    record_prefix,
    removed_record,
)
from storage.raw.intact_records import UNKNOWN, IntactRecords, intact, plain_intact
from storage.raw.reader import read_submission, scan_segment
from storage.raw.segment_file import SegmentSeries
from storage.raw.segment_paths import segments
from tests.support.submissions import a_submission

DAY = date(2026, 11, 22)
ALL = {"max_bytes": 1 << 40, "max_records": 1 << 40}
same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture(scope="module")
def segment(tmp_path_factory):
    """Return a sealed segment of three batches with four submissions each."""
    raw = tmp_path_factory.mktemp("raw")
    with SegmentSeries(raw, worker=1) as series:
        for batch in range(3):
            series.append([a_submission(batch * 4 + number) for number in range(1, 5)], day=DAY)
    (found,) = segments(raw)
    return found.path


def both(text: bytes, stop: int, prefix: bytes, last: int) -> tuple[int, int, list[bytes], int]:
    """Return the result of both functions; check that it is the same."""
    found = intact(text, stop, prefix, last)

    assert found == plain_intact(text, stop, prefix, last)
    return found


def records_of(path) -> tuple[bytes, bytes]:
    """Return the bytes behind the header of the file, and the prefix of its records."""
    text = path.read_bytes()
    header = parse_file_header(text)
    assert header is not None
    return text[FILE_HEADER_BYTES:], record_prefix(header.boot_id)


def a_copy(segment, folder, text: bytes):
    """Write *text* as the segment into *folder*; return its path."""
    path = folder / segment.parent.name / segment.name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text)
    return path


def scanned(path, position: int, start: int = 0) -> RawCount:
    """Return the count by a scan, which reads each record by itself."""
    count = RawCount()
    scan = scan_segment(path, start, **ALL)
    descriptor = os.open(path, os.O_RDONLY)
    for span in scan.spans:
        try:
            read_submission(descriptor, span)
            is_whole = True
        except Exception:
            is_whole = False
        if span.offset < position:
            count.read += 1
            count.damaged += not is_whole
        else:
            count.unread += is_whole
    os.close(descriptor)
    count.read += sum(place < position for place in scan.removed)
    return count


def test_all_records_up_to_the_seal_are_passed(segment):
    """From the first record, and from any other."""
    text, prefix = records_of(segment)
    starts = [aligned(span.offset) - FILE_HEADER_BYTES for span in scan_segment(segment, 0, **ALL).spans]

    end, last, headers, removed = both(text, len(text), prefix, 0)

    assert (last, len(headers), removed) == (12, 12, 0)
    assert aligned(end) + 36 == len(text)
    for number, start in enumerate(starts):
        assert both(text[start:], len(text), prefix, number)[1] == 12
        assert both(text[start:], len(text), prefix, UNKNOWN)[1] == 12
        assert both(text[start:], len(text), prefix, number + 1) == (0, number + 1, [], 0)
        assert both(text, start, prefix, 0)[1] == number
        assert both(text, start + 1, prefix, 0)[1] == number + 1


def test_a_deleted_submission_is_counted_separately(segment, tmp_path):
    """It keeps its place in the order."""
    text, prefix = records_of(segment)
    spans = scan_segment(segment, 0, **ALL).spans
    place = spans[4].offset - FILE_HEADER_BYTES
    head = parse_head(text, place, prefix)
    assert head is not None
    changed = text[:place] + removed_record(head, prefix) + text[place + head.record_bytes :]

    _, last, headers, removed = both(changed, len(changed), prefix, 0)

    assert (last, len(headers), removed) == (12, 11, 1)
    path = a_copy(segment, tmp_path, segment.read_bytes()[:FILE_HEADER_BYTES] + changed)
    for position in (0, spans[4].offset, spans[5].offset, 1 << 40):
        assert count_segment(path, position) == scanned(path, position)


@same_folder
@given(st.data())
def test_damage_is_counted_as_a_scan_counts_it(segment, tmp_path, data):
    """A changed byte, lost or repeated bytes, or a torn end; the converted part ends anywhere."""
    text = bytearray(segment.read_bytes())
    for _ in range(data.draw(st.integers(0, 2))):
        place = data.draw(st.integers(0, len(text) - 1))
        length = data.draw(st.integers(0, 600))
        kind = data.draw(st.sampled_from(["byte", "lost", "repeated", "torn"]))
        if kind == "byte":
            text[place] ^= data.draw(st.integers(1, 255))
        elif kind == "lost":
            del text[place : place + length]
        elif kind == "repeated":
            text[place:place] = text[max(0, place - length) : place]
        else:
            del text[place:]
        if not text:
            return
    path = a_copy(segment, tmp_path, bytes(text))
    records = bytes(text[FILE_HEADER_BYTES:])
    _, prefix = records_of(segment)
    both(records, len(records), prefix, 0)
    position = data.draw(st.integers(0, len(text) + 10))

    assert count_segment(path, position) == scanned(path, position)


def test_a_record_longer_than_a_window_is_left_to_the_scan(segment, monkeypatch):
    """The fast pass continues after it."""
    monkeypatch.setattr("storage.raw.intact_records.WINDOW_BYTES", 64)

    assert count_segment(segment, 1 << 40) == RawCount(read=12)


def test_windows_continue_where_the_last_one_ended(segment, monkeypatch):
    """With windows of any length."""
    descriptor = os.open(segment, os.O_RDONLY)
    try:
        for length in range(700, 1500, 50):
            monkeypatch.setattr("storage.raw.intact_records.WINDOW_BYTES", length)
            records = IntactRecords(descriptor, 0, None)
            assert sum(len(headers) for headers, _ in records.before()) == 12
    finally:
        os.close(descriptor)
