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
    runs = [(number, sum(1 for _ in equal)) for number, equal in groupby(numbers)]
    data = b"".join(varint(count << 1) + bytes([number]) for number, count in runs)
    return len(data).to_bytes(LENGTH_BYTES, "little") + data


def presence_and_rest(page: Page) -> tuple[bytes, bytes]:
    """Return the levels of *page*, whose values are in no list, and what follows them."""
    end = LENGTH_BYTES + int.from_bytes(page.body[:LENGTH_BYTES], "little")
    return page.body[:end], page.body[end:]
