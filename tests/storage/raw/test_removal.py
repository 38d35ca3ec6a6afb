"""Submissions and damaged regions are removed from a segment; all other bytes stay the same."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.disk import Disk
from storage.raw.framing import FILE_HEADER_BYTES, aligned
from storage.raw.reader import scan_segment
from storage.raw.removal import remove_submissions
from tests.storage.raw.test_reader import ALL, a_segment, numbers_in, same_folder


def zeroed(path, scan) -> None:
    """Remove every damaged region of a segment."""
    remove_submissions(path, [start for start, _ in scan.damage.regions], Disk())


@given(st.data())
@same_folder
def test_a_scan_finds_the_same_after_damaged_regions_were_removed(tmp_path_factory, data):
    """Several ranges are replaced by zeros, noise or copies of other ranges; the end may be torn."""
    path = a_segment(tmp_path_factory.mktemp("raw"), batches=4, of=4, seal=data.draw(st.booleans()))
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(whole) - 2))
        end = data.draw(st.integers(start + 1, min(start + 1000, len(whole))))
        source = data.draw(st.integers(0, len(whole) - (end - start)))
        kind = data.draw(st.sampled_from(["zero", "noise", "copy"]))
        noise = os.urandom(end - start)
        whole[start:end] = {
            "zero": bytes(end - start), "noise": noise, "copy": whole[source : source + end - start]
        }[kind]  # fmt: skip
    path.write_bytes(whole[: data.draw(st.integers(len(whole) // 2, len(whole)))])
    before = scan_segment(path, 0, **ALL)

    zeroed(path, before)

    after = scan_segment(path, 0, **ALL)
    assert (after.spans, after.removed, after.state, after.end) == (
        before.spans, before.removed, before.state, before.end
    )  # fmt: skip
    assert (after.damage, after.damage.regions) == (before.damage, before.damage.regions)
    for start, end in after.damage.regions:
        assert not any(path.read_bytes()[start:end])


def test_damaged_regions_beside_submissions_go_in_one_step(tmp_path):
    """One region is a record in the wrong place: its head is intact, but out of order."""
    path = a_segment(tmp_path, batches=1, of=32)
    whole = bytearray(path.read_bytes())
    spans = scan_segment(path, 0, **ALL).spans
    moved, place = spans[20], spans[3].offset
    whole[place : place + moved.length_bytes] = whole[moved.offset : moved.offset + moved.length_bytes]
    path.write_bytes(whole)
    scan = scan_segment(path, 0, **ALL)
    (region,) = [each for each in scan.damage.regions if each[0] == place]

    assert remove_submissions(path, [place, spans[10].offset], Disk()) == 2
    assert remove_submissions(path, [place, spans[10].offset], Disk()) == 0

    after = scan_segment(path, 0, **ALL)
    assert not any(path.read_bytes()[region[0] : region[1]])
    assert after.removed == [spans[10].offset]
    assert numbers_in(path, after) == [number for number in numbers_in(path, scan) if number != 11]


@pytest.mark.parametrize("offset", [0, FILE_HEADER_BYTES + 8])
def test_an_offset_where_nothing_begins_is_ignored(tmp_path, offset):
    path = a_segment(tmp_path)
    whole = path.read_bytes()

    assert remove_submissions(path, [aligned(offset)], Disk()) == 0
    assert path.read_bytes() == whole
