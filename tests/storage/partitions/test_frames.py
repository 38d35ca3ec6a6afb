"""Frames hold whole lines and show damage."""

import io
import subprocess
from shutil import which

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.partitions.frames import DamagedFrame, compress_frame, pack_frames, read_lines

LINES = st.lists(st.binary(max_size=200).filter(lambda line: b"\n" not in line), max_size=30)


@given(LINES, st.integers(1, 400))
def test_lines_come_back_whatever_the_frames(lines, frame_bytes):
    """How lines are cut into frames does not show."""
    packed = b"".join(frame for frame, _ in pack_frames(lines, 1, frame_bytes))

    assert list(read_lines(io.BytesIO(packed), len(packed))) == lines


def test_only_the_committed_length_is_read():
    """Bytes past it are nobody's business."""
    first, second = compress_frame(b"a\n"), compress_frame(b"b\n")

    assert list(read_lines(io.BytesIO(first + second), len(first))) == [b"a"]


@pytest.mark.parametrize("cut", [1, 5, 9])
def test_a_frame_that_ends_early_is_told(cut):
    """A file shorter than was committed is damage, not an end."""
    frame = compress_frame(b"x" * 1000 + b"\n")

    with pytest.raises(EOFError):
        list(read_lines(io.BytesIO(frame[:-cut]), len(frame)))


def test_a_flipped_bit_is_told():
    """Every frame carries its content's checksum."""
    frame = bytearray(compress_frame(bytes(range(48, 120)) * 5 + b"\n"))
    frame[len(frame) // 2] ^= 1

    with pytest.raises((DamagedFrame, EOFError)):
        list(read_lines(io.BytesIO(bytes(frame)), len(frame)))


def test_a_line_larger_than_a_chunk_is_one_line():
    """Memory is bounded by a chunk and the longest line, not by a file."""
    line = b"y" * (3 << 20)
    frame = compress_frame(line + b"\nz\n")

    assert list(read_lines(io.BytesIO(frame), len(frame))) == [line, b"z"]


@pytest.mark.skipif(which("zstd") is None, reason="no zstd command on this machine")
def test_the_zstd_command_reads_a_file_of_frames(tmp_path):
    """No tool of ours is needed to get at the records."""
    path = tmp_path / "part.zst"
    path.write_bytes(compress_frame(b"a\t{}\n") + compress_frame(b"b\t{}\n"))

    found = subprocess.run(["zstd", "-dc", path], check=True, capture_output=True)

    assert found.stdout == b"a\t{}\nb\t{}\n"
