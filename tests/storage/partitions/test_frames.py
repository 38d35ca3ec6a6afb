"""Frames hold whole lines, and damage is detected."""

import io
import subprocess
from concurrent.futures import ThreadPoolExecutor
from shutil import which

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.partitions.frames import (
    LIVE_LEVEL,
    DamagedFrame,
    compress_frame,
    count_lines,
    decompress_frame,
    pack_frames,
    read_lines,
)

LINES = st.lists(st.binary(max_size=200).filter(lambda line: b"\n" not in line), max_size=30)


@given(LINES, st.integers(1, 400))
def test_lines_are_read_back_for_any_frame_size(lines, frame_bytes):
    """The division into frames is invisible to readers."""
    packed = b"".join(frame for frame, _ in pack_frames(lines, 1, frame_bytes))

    assert list(read_lines(io.BytesIO(packed), len(packed))) == lines
    assert count_lines(io.BytesIO(packed), len(packed)) == len(lines)


@pytest.mark.parametrize("chunk_bytes", [1, 7, 40, 1000])
def test_lines_are_read_back_wherever_a_chunk_ends(monkeypatch, chunk_bytes):
    """Within a frame, between two, or with many frames in one chunk; bytes after the length stay unread."""
    lines = [bytes([65 + number]) * number for number in range(20)]
    packed = b"".join(frame for frame, _ in pack_frames(lines, 1, 30))
    monkeypatch.setattr("storage.partitions.frames.CHUNK_BYTES", chunk_bytes)

    assert list(read_lines(io.BytesIO(packed + b"junk"), len(packed))) == lines
    with pytest.raises(EOFError):
        count_lines(io.BytesIO(packed), len(packed) - 1)


@pytest.mark.parametrize("level", [LIVE_LEVEL, 19])
@given(texts=st.lists(st.binary(max_size=300), min_size=1, max_size=4))
def test_a_frame_has_its_content_size_and_is_independent_of_earlier_frames(level, texts):
    """The compressor is reused, but must not carry state from one frame to the next."""
    for text in texts:
        frame = compress_frame(text, level)
        # RFC 8878, 3.1.1.1.3: a single segment, so the content size follows the descriptor.
        assert frame[4] & 0b0010_0000
        size = frame[5] if frame[4] >> 6 == 0 else int.from_bytes(frame[5:7], "little") + 256
        assert size == len(text)
        assert decompress_frame(frame) == text
        assert frame == compress_frame(text, level)


def test_threads_compress_at_the_same_time():
    """Each thread has its own compressor."""
    texts = [bytes([n]) * (n * 1000 + 1) for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        frames = list(pool.map(compress_frame, texts))

    assert list(map(decompress_frame, frames)) == texts


def test_only_the_committed_length_is_read():
    """Bytes past the committed length are ignored."""
    first, second = compress_frame(b"a\n"), compress_frame(b"b\n")

    assert list(read_lines(io.BytesIO(first + second), len(first))) == [b"a"]


@pytest.mark.parametrize("cut", [1, 5, 9])
def test_a_frame_that_ends_early_raises(cut):
    """A file that is shorter than its committed length is damaged."""
    frame = compress_frame(b"x" * 1000 + b"\n")

    with pytest.raises(EOFError):
        list(read_lines(io.BytesIO(frame[:-cut]), len(frame)))


def test_a_flipped_bit_raises():
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
    """Records can be read without this program."""
    path = tmp_path / "part.zst"
    path.write_bytes(compress_frame(b"a\t{}\n") + compress_frame(b"b\t{}\n"))

    found = subprocess.run(["zstd", "-dc", path], check=True, capture_output=True)

    assert found.stdout == b"a\t{}\nb\t{}\n"
