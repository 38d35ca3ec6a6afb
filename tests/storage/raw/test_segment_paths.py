"""Paths and names of segments."""

from datetime import UTC, date, datetime

import pytest

from storage.raw.segment_paths import new_boot_id, parse_segment_path, segment_path, segments

BOOT_ID = bytes.fromhex("00112233445566778899aabbccddeeff")


def test_a_segment_has_the_documented_path(tmp_path):
    """It holds day, worker, boot id and number; no part comes from a client."""
    segment = segment_path(tmp_path, day=date(2026, 11, 22), worker=3, boot_id=BOOT_ID, number=7)

    assert segment.path == tmp_path / "20261122" / "3-00112233445566778899aabbccddeeff-0000000007.tlg"
    assert parse_segment_path(segment.path) == segment
    assert segment.name == "20261122/3-00112233445566778899aabbccddeeff-0000000007.tlg"


@pytest.mark.parametrize(
    "name",
    [
        "20261122/.3-00112233445566778899aabbccddeeff-0000000007.tlg.new",
        "20261122/3-00112233445566778899aabbccddeeff-7.tlg",
        "20261122/3-00112233445566778899aabbccddeeff-0000000007.tlg\n",
        "20261131/3-00112233445566778899aabbccddeeff-0000000007.tlg",
        "lost+found/3-00112233445566778899aabbccddeeff-0000000007.tlg",
        "20261122/notes.txt",
    ],
)
def test_foreign_names_are_skipped(tmp_path, name):
    """A reader accepts only names that a writer gives."""
    path = tmp_path / name
    path.parent.mkdir()
    path.write_bytes(b"")

    assert list(segments(tmp_path)) == []


def test_segments_are_ordered_by_day_and_start_of_their_writer(tmp_path):
    """So a repeat that was sent after a restart is read after the original."""
    early, late = (new_boot_id(datetime(2026, 11, 22, hour, tzinfo=UTC)) for hour in (1, 2))
    expected = [
        segment_path(tmp_path, day=date(2026, 11, day), worker=worker, boot_id=boot_id, number=number).path
        for day, worker, boot_id, number in [
            (21, 9, late, 1),
            (22, 5, early, 2),
            (22, 5, early, 10),
            (22, 1, late, 1),
        ]
    ]
    for path in expected:
        path.parent.mkdir(exist_ok=True)
        path.touch()

    assert [segment.path for segment in segments(tmp_path)] == expected
