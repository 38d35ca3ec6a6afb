"""
Histograms that wait for their part file on disk, because memory has no room for all of them.

A file for one part has many rows of each metric only if thousands of pings are in it.  Their histograms are
written a few MiB at a time, each time sorted by metric, and are read again some metrics at a time.  Numbers
are 32 bits wide, as they are in memory.
"""

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from storage.tables.compiled.bucket_lists import offsets_of
from storage.tables.histogram_arrays import Names, Numbered
from storage.tables.sorted_runs import WIDTHS, SortedRun, sorted_run
from storage.tables.spare_files import SpareFiles


class _StoredRun:
    """A run in the file, without its rows in memory."""

    def __init__(self, begin: int, run: SortedRun) -> None:
        self.begin = begin
        self.rows, self.buckets, self.marks = run.rows, run.buckets, run.marks
        self.metrics, self.first_rows, self.first_buckets = run.metrics, run.first_rows, run.first_buckets

    def rows_of(self, first: str, end: str | None) -> tuple[int, int]:
        """Return where metrics from *first* to before *end* are among `metrics`."""
        last = len(self.metrics) if end is None else bisect_left(self.metrics, end)
        return bisect_left(self.metrics, first), last


@dataclass(frozen=True, slots=True)
class SpilledColumns:
    """Histograms by column, as bytes of numbers; see `NumberColumns`."""

    rows: int
    ping: bytearray
    process: bytearray
    label: bytearray
    key: bytearray
    sum: bytearray
    offsets: bytes  # int32: where the buckets of each begin, and the end of the last
    starts: bytearray  # int32; a negative number *n* stands for position -1 - *n* in `large`
    counts: bytearray  # int32, like `starts`
    large: Sequence[int]
    marks: dict[int, str]  # by row


class SpilledHistograms:
    """
    The histograms of one day that are not in memory.  `close` removes them.

    Raises:
        OSError: The disk refuses.
    """

    def __init__(self, files: SpareFiles) -> None:
        self._files = files
        self._descriptor = files.take()
        self.names = Names()
        self._large: list[int] = []
        self._runs: list[_StoredRun] = []
        self._size = 0
        self.num_rows = 0

    def close(self) -> None:
        """Remove the rows."""
        self._files.give_back(self._descriptor)

    def add(self, parts: Sequence[Numbered]) -> int:
        """
        Write the histograms of *parts* that are of wanted pings, and return how many bytes that were.

        Raises:
            OSError: The disk refuses.
        """
        run = sorted_run(parts, self.names, len(self._large))
        if not run.rows:
            return 0
        self._large += run.large
        size = self._files.disk.write(self._descriptor, run.data)
        self._runs.append(_StoredRun(self._size, run))
        self._size += size
        self.num_rows += run.rows
        return size

    def in_order(self, most: int) -> Iterator[SpilledColumns]:
        """
        Yield all histograms, some metrics at a time: metrics in their order, rows of a metric as they came.

        Args:
            most: How many rows are in memory at once, unless one metric has more.

        Raises:
            OSError: The disk refuses.
        """
        counts: Counter[str] = Counter()
        for run in self._runs:
            for metric, (first, end) in zip(run.metrics, pairwise(run.first_rows), strict=True):
                counts[metric] += end - first
        begin, rows = None, 0
        for metric in sorted(counts):
            if begin is None:
                begin = metric
            elif rows + counts[metric] > most:
                yield self._of_metrics(begin, metric)
                begin, rows = metric, 0
            rows += counts[metric]
        if begin is not None:
            yield self._of_metrics(begin, None)

    def _of_metrics(self, first: str, end: str | None) -> SpilledColumns:
        """Return the histograms of the metrics from *first* to before *end*."""
        marks: dict[int, str] = {}
        places: list[list[tuple[int, int]]] = [[] for _ in (*WIDTHS, "start", "count")]
        rows = 0
        for run in self._runs:
            low, high = run.rows_of(first, end)
            begin, stop = run.first_rows[low], run.first_rows[high]
            if begin == stop:
                continue
            at = run.begin
            for column, width in zip(places, WIDTHS.values(), strict=False):
                column.append((at + width * begin, width * (stop - begin)))
                at += width * run.rows
            first_bucket, last_bucket = run.first_buckets[low], run.first_buckets[high]
            for column in places[len(WIDTHS) :]:
                column.append((at + 4 * first_bucket, 4 * (last_bucket - first_bucket)))
                at += 4 * run.buckets
            marks |= {row - begin + rows: mark for row, mark in run.marks.items() if begin <= row < stop}
            rows += stop - begin
        ping, process, label, key, lengths, sums, starts, counts = map(self._joined, places)
        offsets = offsets_of(lengths)
        return SpilledColumns(
            rows, ping, process, label, key, sums, offsets, starts, counts, self._large, marks
        )

    def _joined(self, places: Sequence[tuple[int, int]]) -> bytearray:
        """Return the bytes at *places*, each a position in the file and a length, one behind another."""
        joined = bytearray(sum(length for _, length in places))
        room = memoryview(joined)
        for position, length in places:
            count = os.preadv(self._descriptor, [room[:length]], position)
            if count != length:
                raise OSError(f"a file of waiting rows ends at {position + count}")
            room = room[length:]
        return joined
