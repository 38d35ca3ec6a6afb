"""A reader finds every undamaged record, invents none, and counts the damaged ones."""

import os
from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.disk import Disk
from storage.errors import DamagedRecord, TornRecord
from storage.raw.framing import FILE_HEADER_BYTES, MIN_RECORD_BYTES, aligned
from storage.raw.reader import Damage, SegmentState, read_submission, scan_segment
from storage.raw.segment_file import SegmentFile, SegmentSeries
from storage.raw.segment_paths import segment_path, segments
from tests.support.submissions import a_submission, number_of

DAY = date(2026, 11, 22)
ALL = {"max_bytes": 1 << 40, "max_records": 1 << 40}
same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def a_segment(raw, *, batches=3, of=4, seal=True):
    """Write a segment of *batches* with *of* submissions each, numbered from 1; return its path."""
    with SegmentSeries(raw, worker=1) as series:
        for batch in range(batches):
            first = batch * of + 1
            series.append([a_submission(number) for number in range(first, first + of)], day=DAY)
            series.sync()
        if not seal:
            series.abandon()
    (segment,) = segments(raw)
    return segment.path


def numbers_in(path, scan):
    """Return the numbers of undamaged submissions that *scan* found; check their contents."""
    found = []
    descriptor = os.open(path, os.O_RDONLY)
    try:
        for span in scan.spans:
            try:
                submission = read_submission(descriptor, span)
            except DamagedRecord:
                continue
            assert submission == a_submission(number_of(submission))
            assert span.body_bytes == len(submission.body)
            found.append(number_of(submission))
    finally:
        os.close(descriptor)
    return found


@pytest.mark.parametrize(("seal", "state"), [(True, SegmentState.SEALED), (False, SegmentState.ABANDONED)])
def test_an_undamaged_segment_is_read_completely(tmp_path, seal, state):
    """Every submission is found once, in order, and the scan is finished."""
    path = a_segment(tmp_path, seal=seal)

    scan = scan_segment(path, 0, **ALL)

    assert numbers_in(path, scan) == list(range(1, 13))
    assert (scan.state, scan.finished, scan.damage) == (state, True, Damage())
    assert scan.end == path.stat().st_size


@pytest.mark.parametrize(
    "limits", [{"max_bytes": 1, "max_records": 99}, {"max_bytes": 1 << 40, "max_records": 1}]
)
def test_a_scan_continues_where_the_last_one_ended(tmp_path, limits):
    """With any step size every submission is found once."""
    path = a_segment(tmp_path)
    found, end, steps = [], 0, 0

    while True:
        scan = scan_segment(path, end, **limits)
        found += numbers_in(path, scan)
        end, steps = scan.end, steps + 1
        assert scan.state == SegmentState.SEALED
        assert len(scan.spans) <= 1
        if scan.finished:
            break

    assert found == list(range(1, 13))
    assert steps > 12


def test_a_live_segment_is_waited_for(tmp_path):
    """Existing records are read, but the scan is not finished at the end of the file."""
    place = segment_path(tmp_path, day=DAY, worker=1, boot_id=bytes(16), number=1)
    segment = SegmentFile.create(place, disk=Disk(), now=datetime.now(UTC))
    segment.append([a_submission(1)])
    first = scan_segment(place.path, 0, **ALL)
    segment.append([a_submission(2), a_submission(3)])
    second = scan_segment(place.path, first.end, **ALL)
    segment.seal()
    last = scan_segment(place.path, second.end, **ALL)

    assert (first.state, first.finished) == (SegmentState.OPEN, False)
    assert numbers_in(place.path, first) == [1]
    assert numbers_in(place.path, second) == [2, 3]
    assert (last.state, last.finished, last.spans) == (SegmentState.SEALED, True, [])


@pytest.mark.parametrize("is_live", [True, False])
def test_a_scan_at_the_end_of_a_segment_reads_none_of_its_records(tmp_path, monkeypatch, is_live):
    """The converter scans there each time that another segment has something new, and each status does."""
    with SegmentSeries(tmp_path, worker=1) as series:
        series.append([a_submission(number) for number in range(1, 5)], day=DAY)
        series.sync()
        (segment,) = segments(tmp_path)
        end = segment.size()
        if not is_live:
            series.abandon()
        read, pread = [], os.pread
        monkeypatch.setattr(os, "pread", lambda *words: read.append(words[2]) or pread(*words))

        scan = scan_segment(segment.path, end, **ALL)

        assert (scan.end, scan.spans, scan.damage, scan.finished) == (end, [], Damage(), not is_live)
        assert set(read) == {0}  # the header of the file
        if is_live:
            series.abandon()


def test_a_live_segments_half_written_record_is_waited_for(tmp_path):
    """At every length of a partial write only whole records are found, and no damage."""
    path = a_segment(tmp_path / "whole", batches=1, of=3, seal=False)
    whole = path.read_bytes()
    place = segment_path(tmp_path / "live", day=DAY, worker=1, boot_id=bytes(16), number=1)
    live = SegmentFile.create(place, disk=Disk(), now=datetime.now(UTC))
    spans = scan_segment(path, 0, **ALL).spans

    for length in range(FILE_HEADER_BYTES, len(whole)):
        place.path.write_bytes(whole[:length])
        scan = scan_segment(place.path, 0, **ALL)
        assert scan.spans == [span for span in spans if span.offset + span.length_bytes <= length]
        assert (scan.state, scan.finished, scan.damage) == (SegmentState.OPEN, False, Damage())
        assert scan.end <= length
    live.close()


def test_whole_records_of_a_truncated_abandoned_segment_are_read(tmp_path):
    """A torn tail is counted once, with its bytes, and the scan is finished."""
    path = a_segment(tmp_path, batches=2, of=2, seal=False)
    whole = path.read_bytes()
    spans = scan_segment(path, 0, **ALL).spans
    ends = {FILE_HEADER_BYTES} | {span.offset + span.length_bytes for span in spans}
    ends |= {aligned(span.offset + span.length_bytes) + MIN_RECORD_BYTES for span in spans[1::2]}

    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        scan = scan_segment(path, 0, **ALL)
        assert scan.spans == [span for span in spans if span.offset + span.length_bytes <= length]
        assert scan.finished
        assert scan.end == length
        good = max((end for end in ends if end <= length), default=0)
        is_padding = length <= aligned(good) and not any(whole[good:length])
        assert scan.damage == (Damage() if is_padding else Damage(1, length - good))


@pytest.mark.parametrize("zeros", [8, 4096, 3 << 20])
def test_a_tail_of_zeros_is_a_torn_tail(tmp_path, zeros):
    """A file system may leave zeros after a power cut."""
    path = a_segment(tmp_path, seal=False)
    length = path.stat().st_size
    with path.open("ab") as file:
        file.write(bytes(zeros))

    scan = scan_segment(path, 0, **ALL)

    assert numbers_in(path, scan) == list(range(1, 13))
    assert (scan.damage, scan.finished) == (Damage(1, zeros), True)
    assert scan.end == length + zeros


@given(st.data())
@same_folder
def test_a_flipped_bit_damages_only_its_own_record(tmp_path_factory, data):
    """All others are read correctly, and the count is exact; a bit of padding damages nothing."""
    path = a_segment(tmp_path_factory.mktemp("raw"))
    whole = bytearray(path.read_bytes())
    spans = scan_segment(path, 0, **ALL).spans
    bit = data.draw(st.integers(FILE_HEADER_BYTES * 8, len(whole) * 8 - 1))
    whole[bit // 8] ^= 1 << bit % 8
    path.write_bytes(whole)

    scan = scan_segment(path, 0, **ALL)

    hit = [
        index
        for index, span in enumerate(spans, 1)
        if span.offset <= bit // 8 < span.offset + span.length_bytes
    ]
    assert numbers_in(path, scan) == [number for number in range(1, 13) if number not in hit]
    lost_by_head = 12 - len(scan.spans)
    assert scan.damage.records == max(lost_by_head, 1 if scan.damage.bytes else 0)
    assert lost_by_head <= len(hit)
    assert scan.finished


@given(st.data())
@same_folder
def test_a_damaged_range_damages_only_the_records_in_it(tmp_path_factory, data):
    """The range is zeroed, repeated or random; the others are read, and lost ones are counted."""
    path = a_segment(tmp_path_factory.mktemp("raw"), batches=4, of=8)
    whole = bytearray(path.read_bytes())
    spans = scan_segment(path, 0, **ALL).spans
    start = data.draw(st.integers(FILE_HEADER_BYTES, len(whole) - 2))
    end = data.draw(st.integers(start + 1, min(start + 4096, len(whole))))
    kind = data.draw(st.sampled_from(["zero", "noise", "repeat"]))
    if kind == "zero":
        whole[start:end] = bytes(end - start)
    elif kind == "noise":
        whole[start:end] = os.urandom(end - start)
    else:
        source = data.draw(st.integers(FILE_HEADER_BYTES, len(whole) - (end - start)))
        whole[start:end] = whole[source : source + end - start]
    path.write_bytes(whole)

    scan = scan_segment(path, 0, **ALL)

    untouched = [
        number
        for number, span in enumerate(spans, 1)
        if span.offset + span.length_bytes <= start or span.offset >= end
    ]
    found = numbers_in(path, scan)
    assert set(untouched) <= set(found)
    assert found == sorted(set(found))
    assert scan.finished
    assert scan.end <= len(whole)


@pytest.mark.parametrize("step", [1, 5, 100])
def test_the_count_of_lost_records_is_the_same_for_any_step_size(tmp_path, step):
    """This includes a scan that begins at the damage: it reads the number before it again."""
    path = a_segment(tmp_path)
    whole = bytearray(path.read_bytes())
    spans = scan_segment(path, 0, **ALL).spans
    whole[spans[4].offset : spans[7].offset + 40] = bytes(spans[7].offset + 40 - spans[4].offset)
    path.write_bytes(whole)
    found, lost, end = [], 0, 0

    while True:
        scan = scan_segment(path, end, max_bytes=1 << 40, max_records=step)
        found += numbers_in(path, scan)
        lost += scan.damage.records
        end = scan.end
        if scan.finished:
            break

    assert found == [1, 2, 3, 4, 9, 10, 11, 12]
    assert lost == 4


@pytest.mark.parametrize(("source", "target"), [(20, 3), (20, 4), (31, 0), (9, 8), (5, 20)])
def test_a_misplaced_record_hides_no_other_records(tmp_path, source, target):
    """A block that a disk wrote in the wrong place loses only the records that it overwrites."""
    path = a_segment(tmp_path, batches=1, of=32)
    whole = bytearray(path.read_bytes())
    spans = scan_segment(path, 0, **ALL).spans
    moved = spans[source]
    record = whole[moved.offset : moved.offset + moved.length_bytes]
    whole[spans[target].offset : spans[target].offset + len(record)] = record
    path.write_bytes(whole)

    scan = scan_segment(path, 0, **ALL)

    end = spans[target].offset + len(record)
    covered = {n for n, span in enumerate(spans, 1) if target < n and span.offset < end}
    assert set(numbers_in(path, scan)) >= set(range(1, 33)) - covered
    assert scan.damage.records >= 1


def test_a_record_of_another_segment_is_not_read(tmp_path):
    """Records begin with a prefix of their segment's writer."""
    other = a_segment(tmp_path / "other").read_bytes()
    place = segment_path(tmp_path / "own", day=DAY, worker=1, boot_id=os.urandom(16), number=1)
    segment = SegmentFile.create(place, disk=Disk(), now=datetime.now(UTC))
    segment.append([a_submission(1)])
    segment.append([a_submission(2, body=other)])
    segment.append([a_submission(3)])
    segment.seal()
    whole = bytearray(place.path.read_bytes())
    whole[scan_segment(place.path, 0, **ALL).spans[1].offset] ^= 1
    place.path.write_bytes(whole)

    scan = scan_segment(place.path, 0, **ALL)

    assert [span.sequence for span in scan.spans] == [1, 3]
    assert scan.damage.records == 1


def test_a_damaged_file_header_loses_no_record(tmp_path):
    """The file name also identifies the writer."""
    path = a_segment(tmp_path)
    whole = bytearray(path.read_bytes())
    whole[:FILE_HEADER_BYTES] = os.urandom(FILE_HEADER_BYTES)
    path.write_bytes(whole)

    scan = scan_segment(path, 0, **ALL)

    assert numbers_in(path, scan) == list(range(1, 13))
    assert scan.damage == Damage(1, 64)


@given(st.binary(max_size=5000), st.integers(0, 6000))
@same_folder
def test_a_scan_accepts_any_bytes(tmp_path_factory, contents, start):
    """Random bytes give no submissions and no error."""
    place = segment_path(tmp_path_factory.mktemp("raw"), day=DAY, worker=1, boot_id=bytes(16), number=1)
    place.path.parent.mkdir()
    place.path.write_bytes(contents)

    scan = scan_segment(place.path, start, **ALL)

    assert scan.spans == []
    assert scan.finished


def test_a_record_of_a_shrunk_file_is_torn(tmp_path):
    """It is never read as a shorter submission."""
    path = a_segment(tmp_path)
    span = scan_segment(path, 0, **ALL).spans[-1]
    os.truncate(path, span.offset + span.length_bytes - 1)

    with path.open("rb") as file, pytest.raises(TornRecord):
        read_submission(file.fileno(), span)


def test_links_are_not_followed(tmp_path):
    """A segment that is a symbolic link is refused."""
    path = a_segment(tmp_path / "raw")
    link = tmp_path / "link.tlg"
    link.symlink_to(path)

    with pytest.raises(OSError, match="symbolic links"):
        scan_segment(link, 0, **ALL)
