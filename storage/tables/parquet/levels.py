"""
Levels: which values of a page are null, and where lists begin.

Source: "Run Length Encoding / Bit-Packing Hybrid" and "Data Pages" of Apache Parquet.
"""

from storage.tables.compiled.page_bodies import Page
from storage.tables.parquet.thrift import varint

LENGTH_BYTES = 4
_GROUP = 8  # numbers are packed by so many
_DIGITS = bytes((number + ord("0")) % 256 for number in range(256))


def levels(numbers: bytes | bytearray, width: int) -> bytes:
    """Return *numbers*, of *width* bits each, behind their length in bytes."""
    if len(set(numbers)) == 1:
        return run_of_levels(numbers[0], len(numbers))
    groups = -(-len(numbers) // _GROUP)
    return _with_length(varint(groups << 1 | 1) + packed(numbers, width).ljust(groups * width, b"\0"))


def packed(numbers: bytes | bytearray, width: int) -> bytes:
    """Return *numbers*, of *width* bits each (at most 3), side by side, the first in the lowest bits."""
    # A number is quick to read from its digits, if the base is a power of two.
    digits = numbers[::-1].translate(_DIGITS) or b"0"
    return int(digits, 1 << width).to_bytes(-(-len(numbers) * width // 8), "little")


def run_of_levels(number: int, count: int) -> bytes:
    """Return *count* equal levels, of at most 8 bits, behind their length in bytes."""
    return _with_length(run(number, count))


def run(number: int, count: int) -> bytes:
    """Return *number*, of at most 8 bits, *count* times."""
    return varint(count << 1) + bytes([number])


def _with_length(data: bytes) -> bytes:
    return len(data).to_bytes(LENGTH_BYTES, "little") + data


def presence_and_rest(page: Page) -> tuple[bytes, bytes]:
    """Return the levels of *page*, whose values are in no list, and what follows them."""
    end = LENGTH_BYTES + int.from_bytes(page.body[:LENGTH_BYTES], "little")
    return page.body[:end], page.body[end:]
