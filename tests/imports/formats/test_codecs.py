"""Compressed exports: detected by their first bytes, read in bounded memory, up to damage."""

import gzip
import io
import lzma
import random
import sys
import tracemalloc

import pytest

from storage.errors import UnknownExport
from telemetry_server.imports.formats.codecs import MAGIC_BYTES, Codec, PlainSource, codec_of
from tests.imports.formats.samples import Trickle, line_records, read

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

COMPRESS = {
    Codec.PLAIN: bytes,
    Codec.GZIP: lambda data: gzip.compress(data, mtime=0),
    Codec.XZ: lzma.compress,
    Codec.LZMA: lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    Codec.ZSTD: zstd.compress,
}
COMPRESSED = [codec for codec in Codec if codec is not Codec.PLAIN]
TEXT = b"".join(line_records(3_000)) + random.Random(0).randbytes(100_000).hex().encode()


def read_all(source: PlainSource, max_bytes: int = 1 << 16) -> bytes:
    pieces = []
    while piece := source.read(max_bytes):
        assert len(piece) <= max_bytes
        pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize("codec", Codec)
def test_codecs_are_detected_from_the_first_bytes(codec):
    """Plain exports are not mistaken for compressed ones."""
    assert codec_of(COMPRESS[codec](TEXT)[:MAGIC_BYTES]) is codec


@pytest.mark.parametrize("preset", range(10))
def test_legacy_lzma_of_every_preset_and_length_is_detected(preset):
    """With an end marker, or with the length in the header as the external tool wrote it."""
    data = lzma.compress(b"x" * 999, format=lzma.FORMAT_ALONE, preset=preset)

    assert codec_of(data) is Codec.LZMA
    assert codec_of(data[:5] + (999).to_bytes(8, "little") + data[13:]) is Codec.LZMA


@pytest.mark.parametrize("codec", Codec)
@pytest.mark.parametrize("max_bytes", [1, 100, 1 << 20])
def test_compressed_text_is_decompressed(codec, max_bytes):
    """From a pipe that returns a few bytes at a time, in reads of any size."""
    text = TEXT if max_bytes > 1 else TEXT[:2_000]
    source = PlainSource(Trickle(COMPRESS[codec](text), 997))

    assert read_all(source, max_bytes) == text
    assert not source.truncated
    assert source.undecoded_bytes == 0


@pytest.mark.parametrize("codec", [Codec.GZIP, Codec.XZ, Codec.ZSTD])
def test_consecutive_members_are_one_stream(codec):
    """As `cat` makes them; xz and gzip allow zeros in between."""
    padding = b"" if codec is Codec.ZSTD else b"\0" * 8
    parts = [TEXT[:50_000], b"", TEXT[50_000:]]
    source = PlainSource(io.BytesIO(padding.join(COMPRESS[codec](part) for part in parts) + padding))

    assert read_all(source) == TEXT
    assert not source.truncated
    assert source.undecoded_bytes == 0


def test_skippable_zstd_frames_are_skipped():
    """Seekable files have their index in one, some at the start."""
    skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
    source = PlainSource(io.BytesIO(skippable + zstd.compress(TEXT) + skippable))

    assert read_all(source) == TEXT
    assert not source.truncated


@pytest.mark.parametrize("codec", COMPRESSED)
def test_a_truncated_stream_returns_its_start_and_is_marked_truncated(codec):
    """It never raises."""
    data = COMPRESS[codec](TEXT)
    for length in [MAGIC_BYTES, 20, len(data) // 2, len(data) - 1]:
        source = PlainSource(io.BytesIO(data[:length]))
        text = read_all(source)

        assert TEXT.startswith(text)
        assert source.truncated

    # zstd gives whole blocks of 128 KiB only, the others nearly every byte.
    assert len(text) > len(TEXT) * (0.3 if codec is Codec.ZSTD else 0.95)


@pytest.mark.parametrize("codec", COMPRESSED)
def test_a_stream_broken_in_the_middle_ends_there_and_the_rest_is_counted(codec):
    """A byte in the second half is changed: earlier lines are returned, nothing is raised."""
    data = bytearray(COMPRESS[codec](TEXT + TEXT[::-1]))
    for at in range(len(data) * 3 // 4, len(data) * 3 // 4 + 40):
        data[at] ^= 0xFF
    pings, reader = read(bytes(data))

    assert len(pings) >= 1_000
    assert reader.truncated
    assert reader.is_damaged


def test_garbage_after_a_whole_stream_is_counted():
    """The stream itself is complete, so it is not truncated."""
    pings, reader = read(gzip.compress(b"".join(line_records(5))) + b"garbage")

    assert len(pings) == 5
    assert not reader.truncated
    assert reader.damaged.bytes == 7


@pytest.mark.parametrize("codec", COMPRESSED)
def test_two_layers_of_compression_are_decoded_and_no_more(codec):
    """An archive in transport encoding is read; a third layer is not an export."""
    twice = gzip.compress(COMPRESS[codec](b"".join(line_records(5))))

    assert len(read(twice)[0]) == 5
    with pytest.raises(UnknownExport):
        read(gzip.compress(twice))


@pytest.mark.parametrize("codec", COMPRESSED)
def test_a_bomb_is_read_in_bounded_memory(codec):
    """60 MiB out of a few KiB, in small pieces."""
    bomb = COMPRESS[codec](b"x" * (60 << 20))
    tracemalloc.start()
    try:
        source = PlainSource(io.BytesIO(bomb))
        total = 0
        while piece := source.read(1 << 20):
            total += len(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert total == 60 << 20
    assert peak < 16 << 20
