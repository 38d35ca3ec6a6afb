"""The buckets of histograms in another order; see ``_lists.c``."""

from array import array
from typing import Any

Bytes = memoryview | bytes | bytearray | array[int]

def offsets_of(lengths: Bytes) -> bytes: ...
def ordered_lists(
    offsets: Bytes, rows: Bytes, starts: Bytes, counts: Bytes, large: Bytes
) -> tuple[bytes, bytes, bytes]: ...
def sorted_run(
    parts: tuple[tuple[Any, ...], ...], metrics: Bytes, known: int, has_marks: bool
) -> tuple[bytes, bytes, bytes, bytes]: ...
