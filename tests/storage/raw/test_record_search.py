"""Whole records are found after damage, and each byte is searched only once."""

import os

import pytest

from storage.raw import record_search
from storage.raw.framing import FILE_HEADER_BYTES, parse_file_header, record_prefix
from storage.raw.reader import scan_segment, segments
from storage.raw.record_search import RecordSearch, submissions_before
from storage.raw.segment_file import SegmentSeries
from tests.storage.raw.test_reader import ALL, DAY
from tests.support.submissions import a_submission


@pytest.fixture
def path(tmp_path):
    with SegmentSeries(tmp_path, worker=1) as series:
        for first in range(1, 401, 20):
            series.append([a_submission(number) for number in range(first, first + 20)], day=DAY)
    (segment,) = segments(tmp_path)
    return segment.path


@pytest.fixture
def search_of(path):
    descriptor = os.open(path, os.O_RDONLY)

    def made() -> RecordSearch:
        header = parse_file_header(os.pread(descriptor, FILE_HEADER_BYTES, 0))
        return RecordSearch(descriptor, path.stat().st_size, record_prefix(header.boot_id))

    yield made
    os.close(descriptor)


def damage(path, spans, numbers):
    whole = bytearray(path.read_bytes())
    for number in numbers:
        whole[spans[number].offset + 20] ^= 1
    path.write_bytes(whole)


@pytest.mark.parametrize("places", [1, 10, 150])
def test_many_damaged_places_need_no_more_reading_than_one(path, monkeypatch, places):
    """With 8 MiB of reading for each place, a segment with 1,000 of them took minutes."""
    spans = scan_segment(path, 0, **ALL).spans
    damage(path, spans, range(0, 2 * places, 2))
    searched = []
    pread = os.pread

    def counted(descriptor, length, offset):
        searched.append(length)
        return pread(descriptor, length, offset)

    class Os:
        pread = staticmethod(counted)

    monkeypatch.setattr(record_search, "os", Os)

    scan = scan_segment(path, 0, **ALL)

    assert len(scan.spans) == 400 - places
    assert scan.damage.records == places
    # The search, the checksum of each record it found, and of each record that the scan passed.
    assert sum(searched) <= 3.1 * path.stat().st_size


def test_the_first_record_from_a_place_on_is_found(path, search_of):
    """It may begin at the place itself; damaged records are skipped."""
    spans = scan_segment(path, 0, **ALL).spans
    damage(path, spans, [5])
    search = search_of()

    assert search.first(spans[3].offset, 0)[0] == spans[3].offset
    assert search.first(spans[3].offset + 1, 0)[0] == spans[4].offset
    assert search.first(spans[5].offset, 0)[0] == spans[6].offset
    assert search.first(spans[6].offset, 50)[0] > spans[49].offset
    assert search.first(path.stat().st_size, 50) is None


def test_the_earliest_record_is_found_after_a_misplaced_one(path, search_of):
    """A misplaced block is before records that it should follow."""
    spans = scan_segment(path, 0, **ALL).spans
    whole = bytearray(path.read_bytes())
    moved = spans[200]
    record = whole[moved.offset : moved.offset + moved.length_bytes]
    whole[spans[10].offset : spans[10].offset + len(record)] = record
    path.write_bytes(whole)
    search, size = search_of(), path.stat().st_size

    place, head = search.first(spans[10].offset, 10)

    assert (place, submissions_before(head)) == (spans[10].offset, 200)
    earliest = search.earliest(place, size, 10)
    assert submissions_before(earliest[1]) in range(11, 14)
    assert search.earliest(earliest[0], size, 200)[1].sequence == 200
    assert search.earliest(size, size, 200) is None


def test_a_scan_with_the_last_sequence_reads_nothing_before_its_start(path, monkeypatch):
    """The caller passes the sequence of the last submission."""
    spans = scan_segment(path, 0, **ALL).spans
    first = scan_segment(path, 0, max_bytes=1 << 40, max_records=200)
    damage(path, spans, [200])
    offsets = []
    pread = os.pread
    monkeypatch.setattr(
        os,
        "pread",
        lambda descriptor, length, offset: offsets.append(offset) or pread(descriptor, length, offset),
    )

    scan = scan_segment(path, first.end, **ALL, last_sequence=first.last_sequence)

    assert first.last_sequence == 200
    assert (len(scan.spans), scan.damage.records) == (199, 1)
    assert min(offset for offset in offsets if offset) >= first.end
