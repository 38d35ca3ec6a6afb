"""Bodies are inflated by their first bytes, within limits."""

import gzip
import random
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_server.pings import inflate as inflate_module
from telemetry_server.pings.errors import CorruptGzip, EmptyBody, InvalidJson, PingError, TooLarge
from telemetry_server.pings.inflate import MAX_INFLATED_BYTES, Inflated, inflate

TEXT = b'{"litres":3}'


def noise(length: int) -> bytes:
    """Return bytes that gzip halves, so that they do not look like a bomb."""
    return bytes(random.Random(1).choices(b"0123456789abcdef", k=length))


def test_a_body_that_is_not_gzip_is_the_text_itself():
    assert inflate(TEXT) == Inflated(TEXT)


def test_gzip_is_recognised_by_its_first_bytes():
    assert inflate(gzip.compress(TEXT)) == Inflated(TEXT, was_gzip=True)


def test_gzip_members_are_joined():
    assert inflate(gzip.compress(b'{"litres"') + gzip.compress(b":3}")).data == TEXT


def test_four_members_are_accepted_and_a_fifth_is_refused():
    member = gzip.compress(b"x")

    assert inflate(member * 4).data == b"xxxx"
    with pytest.raises(CorruptGzip):
        inflate(member * 5)


def test_bytes_after_the_last_member_are_counted_and_ignored():
    assert inflate(gzip.compress(TEXT) + b"junk") == Inflated(TEXT, was_gzip=True, trailing_bytes=4)


def test_the_crc_of_a_text_is_known_where_one_member_names_it():
    """It is the one that the member was checked with."""
    assert inflate(gzip.compress(TEXT) + b"junk").crc32 == zlib.crc32(TEXT)
    assert inflate(gzip.compress(TEXT) * 2).crc32 is None
    assert inflate(TEXT).crc32 is None


def test_only_one_layer_is_inflated():
    with pytest.raises(InvalidJson, match="gzip within gzip"):
        inflate(gzip.compress(gzip.compress(TEXT)))


@pytest.mark.parametrize("body", [b"", gzip.compress(b"", mtime=0), gzip.compress(b"", mtime=0) * 2])
def test_an_empty_body_is_refused(body):
    with pytest.raises(EmptyBody):
        inflate(body)


@pytest.mark.parametrize("length", range(2, len(gzip.compress(TEXT))))
def test_gzip_that_ends_early_is_corrupt(length):
    with pytest.raises(CorruptGzip):
        inflate(gzip.compress(TEXT)[:length])


def test_a_damaged_checksum_is_corrupt():
    body = bytearray(gzip.compress(TEXT))
    body[-5] ^= 1

    with pytest.raises(CorruptGzip):
        inflate(bytes(body))


def test_a_damaged_second_member_is_corrupt():
    with pytest.raises(CorruptGzip):
        inflate(gzip.compress(TEXT) + gzip.compress(TEXT)[:-3])


def test_the_limit_itself_is_accepted_and_one_byte_more_is_not():
    text = noise(MAX_INFLATED_BYTES + 1)

    assert len(inflate(gzip.compress(text[:-1], 1)).data) == MAX_INFLATED_BYTES
    with pytest.raises(TooLarge):
        inflate(gzip.compress(text, 1))


def test_the_limit_applies_to_plain_bodies_too():
    with pytest.raises(TooLarge):
        inflate(b" " * (MAX_INFLATED_BYTES + 1))


def test_up_to_a_mebibyte_no_ratio_is_too_high():
    assert len(inflate(gzip.compress(bytes(1 << 20))).data) == 1 << 20
    with pytest.raises(TooLarge):
        inflate(gzip.compress(bytes((1 << 20) + 1)))


def test_the_limit_applies_to_the_sum_of_all_members():
    with pytest.raises(TooLarge):
        inflate(gzip.compress(bytes(600_000)) * 2)


def test_a_decompression_bomb_uses_little_memory():
    bomb = gzip.compress(bytes(200 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            inflate(bomb)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 4 * MAX_INFLATED_BYTES


def outcome(body: bytes) -> Inflated | type[PingError]:
    """The result of inflating *body*."""
    try:
        return inflate(body)
    except PingError as error:
        return type(error)


@given(st.data())
def test_every_body_inflates_to_the_same_with_and_without_isal(data):
    """Truncated, damaged and joined gzip."""
    body = bytearray(gzip.compress(data.draw(st.binary(max_size=300)), data.draw(st.integers(0, 9))))
    for _ in range(data.draw(st.integers(0, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    bent = bytes(body)[: data.draw(st.integers(0, len(body)))] + data.draw(
        st.sampled_from([b"", b"junk", bytes(body), b"\x1f\x8b", b"\x1f\x8b\x08\xe0rest of a header"])
    )
    with_isal = outcome(bent)
    kept, inflate_module.isal_zlib = inflate_module.isal_zlib, None
    try:
        without = outcome(bent)
    finally:
        inflate_module.isal_zlib = kept

    assert with_isal == without


@pytest.mark.parametrize("flags", range(256))
def test_header_flags_give_the_same_result_as_in_zlib(flags):
    """ISA-L alone would accept the reserved flags."""
    compressor = zlib.compressobj(wbits=-15)
    header = b"\x1f\x8b\x08" + bytes([flags]) + bytes(5) + b"\xff"
    header += b"\x03\x00abc" if flags & 4 else b""
    header += b"name\0" if flags & 8 else b""
    header += b"comment\0" if flags & 16 else b""
    header += (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little") if flags & 2 else b""
    trailer = zlib.crc32(TEXT).to_bytes(4, "little") + len(TEXT).to_bytes(4, "little")
    body = header + compressor.compress(TEXT) + compressor.flush() + trailer
    try:
        expected: bytes | None = zlib.decompress(body, 31)
    except zlib.error:
        expected = None

    came = outcome(body)

    assert came == (CorruptGzip if expected is None else Inflated(expected, was_gzip=True))
