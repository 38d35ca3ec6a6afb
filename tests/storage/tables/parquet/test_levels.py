"""Levels of Parquet pages: runs of equal ones, or all side by side."""

from hypothesis import given
from hypothesis import strategies as st

from storage.tables.parquet.levels import levels, packed


def unpacked(data: bytes, width: int, count: int) -> list[int]:
    """Return *count* levels that `levels` has encoded."""
    length, rest = int.from_bytes(data[:4], "little"), data[4:]
    assert len(rest) == length
    header, shift, at = 0, 0, 0
    while True:
        byte = rest[at]
        header |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            break
    if header & 1 == 0:
        return [rest[at]] * (header >> 1)
    assert len(rest) - at == (header >> 1) * width
    number = int.from_bytes(rest[at:], "little")
    return [number >> width * place & (1 << width) - 1 for place in range(count)]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=50))
def test_levels_are_read_back(numbers):
    """More and fewer than the eight of a group."""
    assert unpacked(levels(bytes(numbers), 2), 2, len(numbers)) == numbers


def test_levels_that_change_with_each_value_take_a_bit_each():
    """As runs they would take 16 times as much, and as much longer to write."""
    assert len(levels(b"\0\1" * 8_000, 1)) < 16_000 // 8 + 10


def test_nothing_is_packed_into_nothing():
    """A column of booleans that are all null has no bits."""
    assert packed(b"", 1) == b""
