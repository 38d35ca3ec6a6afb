"""
Packs a histogram into its flat row, and unpacks it (StorageFormat.md).

Plain numbers only: the caller knows the definition and has checked the histogram.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from storage.errors import NotARow

SUMMARY = ("sum", "log_sum", "log_sum_squares", "sum_squares_lo", "sum_squares_hi")
NOT_SENT = -1

Number = int | float
Row = list[Number]


@dataclass(frozen=True, slots=True)
class UnpackedRow:
    """A row split into its parts."""

    counts: dict[int, int]  # by the start of the bucket, every bucket
    summary: dict[str, Number]  # the values of `SUMMARY` that the client sent


def pack_row(
    counts: Mapping[str, int], index: Mapping[str, int], width: int, summary: Sequence[Number]
) -> Row:
    """
    Flatten a histogram.

    Args:
        counts: By the start of the bucket, in plain decimal, as clients send them.
        index: Position of the bucket of each start.
        width: Number of buckets.
        summary: One number for each of `SUMMARY`, `NOT_SENT` for a missing one.

    Returns:
        ``width + 5`` numbers: the counts in order of their buckets, 0 for those without a count, then
        the summary.  ``sum`` is in the probe's own unit.

    Raises:
        KeyError: A key of *counts* is not the start of a bucket.
    """
    row: Row = [0] * width
    for start, count in counts.items():
        row[index[start]] = count
    row += summary
    return row


def unpack_row(row: Sequence[Number], starts: Sequence[int]) -> UnpackedRow:
    """
    Split a row into its parts.

    Args:
        starts: Starts of the buckets; a count of equal neighbours is given to the last of them.

    Raises:
        NotARow: *row* does not have ``len(starts) + 5`` numbers.
    """
    width = len(starts)
    if len(row) != width + len(SUMMARY):
        raise NotARow(f"{len(row)} numbers where {width} buckets and {len(SUMMARY)} more are expected")
    if any(second < first for first, second in pairwise(starts)):
        raise NotARow("the starts do not rise")
    counts = {start: int(count) for start, count in zip(starts, row[:width], strict=True)}
    summary = {name: number for name, number in zip(SUMMARY, row[width:], strict=True) if number != NOT_SENT}
    return UnpackedRow(counts, summary)
