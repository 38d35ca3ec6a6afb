"""Files of many small frames are counted by pyarrow, with the results and the errors of `count_lines`."""

import sys
from io import BytesIO

import pytest

from storage.partitions import line_counter
from storage.partitions.frames import DamagedFrame, compress_frame, count_lines, pack_frames
from storage.partitions.line_counter import LineCounter

LINES = [bytes([65 + number % 50]) * number for number in range(60)]
PACKED = b"".join(frame for frame, _ in pack_frames(LINES, 1, 300))


@pytest.fixture
def soon(monkeypatch):
    """Let the import be worth it for one frame."""
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(line_counter, "FRAMES_WORTH_IMPORT", 1)


@pytest.fixture
def counted(tmp_path, soon):
    """Return a function that counts the lines of a text by both ways, and checks that they agree."""
    path = tmp_path / "part.zst"
    counter = LineCounter(1)

    def count(text: bytes, length: int) -> int | None:
        path.write_bytes(text)
        results = []
        for count_one in (counter.count, count_lines):
            with path.open("rb") as stream:
                try:
                    results.append((count_one(stream, length), ""))
                except (EOFError, DamagedFrame) as error:
                    results.append((None, f"{type(error)} {error}"))
        assert results[0] == results[1]
        return results[0][0]

    return count


def test_bytes_behind_the_length_are_not_read(counted):
    """The writer may be appending to the file."""
    assert counted(PACKED + b"junk", len(PACKED)) == len(LINES)


def test_intact_files_are_read_once(counted, monkeypatch):
    """Only where pyarrow finds damage, the file is read again."""
    monkeypatch.setattr(line_counter, "count_lines", lambda *_: pytest.fail("it was read again"))

    assert counted(PACKED, len(PACKED)) == len(LINES)
    assert counted(b"", 0) == 0


def test_a_file_that_was_cut_anywhere_has_the_same_error(counted):
    """Within a frame, between two, or where the ledger has another length."""
    for length in range(len(PACKED)):
        assert counted(PACKED[:length], len(PACKED)) is None
        counted(PACKED, length)


def test_a_flipped_bit_anywhere_has_the_same_error(counted):
    """Every frame has a checksum."""
    for place in range(len(PACKED)):
        damaged = bytearray(PACKED)
        damaged[place] ^= 1 << place % 8
        counted(bytes(damaged), len(damaged))


def test_lines_without_an_end_have_the_same_error(counted):
    """A frame holds whole lines."""
    broken = compress_frame(b"a\nb")

    assert counted(broken, len(broken)) is None


def test_a_line_may_be_longer_than_what_is_read_at_once(counted):
    """A text of 1 MiB is decompressed at a time."""
    long = b"".join(frame for frame, _ in pack_frames([b"y" * (3 << 20), b"z"], 1))

    assert counted(long, len(long)) == 2


def test_pyarrow_is_not_imported_for_a_few_frames(tmp_path, monkeypatch):
    """Its import takes as long as some thousand frames."""
    monkeypatch.setattr(line_counter, "import_module", lambda _: pytest.fail("it was imported"))
    path = tmp_path / "part.zst"
    path.write_bytes(PACKED)
    counter = LineCounter(1)
    for _ in range(2):
        with path.open("rb") as stream:
            assert counter.count(stream, len(PACKED)) == len(LINES)


def test_objects_of_the_archive_are_read_once(soon):
    """A second reading could cost money."""
    counter = LineCounter(1)
    for _ in range(2):
        assert counter.count(BytesIO(PACKED), len(PACKED)) == len(LINES)
        with pytest.raises(EOFError):
            counter.count(BytesIO(PACKED), len(PACKED) + 1)


def test_without_pyarrow_the_lines_are_counted_as_well(tmp_path, soon, monkeypatch):
    """It comes with the extra `tables`."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "part.zst"
    path.write_bytes(PACKED)
    counter = LineCounter(1)
    for _ in range(2):
        with path.open("rb") as stream:
            assert counter.count(stream, len(PACKED)) == len(LINES)
