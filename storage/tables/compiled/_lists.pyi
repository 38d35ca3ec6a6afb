"""The buckets of histograms in another order; see ``_lists.c``."""

from array import array

Bytes = memoryview | bytes | array[int]

def ordered_lists(
    offsets: Bytes, rows: Bytes, starts: Bytes, counts: Bytes, large: Bytes
) -> tuple[bytes, bytes, bytes]: ...
def ordered_numbers(
    offsets: Bytes, rows: Bytes, starts: Bytes, counts: Bytes, large: int
) -> tuple[bytes, bytes, bytes]: ...
