"""
Levels: which values of a page are null, and where lists begin.

Source: "Run Length Encoding / Bit-Packing Hybrid" and "Data Pages" of Apache Parquet.
"""

from collections.abc import Sequence
from itertools import groupby

from storage.tables.compiled.page_bodies import Page
from storage.tables.parquet.thrift import varint

LENGTH_BYTES = 4


def levels(numbers: Sequence[int]) -> bytes:
    """Return *numbers*, of at most 8 bits, as runs of equal ones behind their length in bytes."""
    return _with_length(b"".join(run(number, sum(1 for _ in equal)) for number, equal in groupby(numbers)))


def run_of_levels(number: int, count: int) -> bytes:
    """Return what `levels` does for *count* equal numbers."""
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
