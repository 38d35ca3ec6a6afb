"""Rows for the tables, as plain values that are cheap to pickle."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

PingRow = tuple[Any, ...]
"""The columns of the table ``pings`` in their order; ids are 16 bytes."""

ScalarValues = tuple[int, str, str, str, str, float | None, str | None, bool | None, str | None]
"""Ping, metric, process, label, kind, the three values, and the mark."""

EventValues = tuple[
    int, str, int | None, str, str, str | None, str | None, tuple[tuple[str, str], ...], str | None
]
"""Ping, process, timestamp, category, method, object, value, extra, and the mark."""

UptakeValues = tuple[Any, ...]
"""Ping, then the columns of the table ``uptake`` from process to anomalies."""

EnrollmentValues = tuple[Any, ...]
"""Ping, then the columns of the table ``enrollments`` from process to anomalies."""

ShapeKey = tuple[str, str, str]
"""Metric, kind, shape."""

NO_SUM = -(2**63)
MAX_INT32 = 2**31 - 1


@dataclass(slots=True)
class HistogramColumns:
    """
    Histograms of many pings by column: an entry a histogram; in `starts` and `counts` one a bucket.

    Nearly all starts and counts fit in 32 bits, which halves what is sent and sorted.  The others are in
    `large`; a negative number *n* in their place is position -1 - *n* there.
    """

    pings: "array[int]" = field(default_factory=lambda: array("i"))
    processes: "array[int]" = field(default_factory=lambda: array("i"))  # positions in `words`
    labels: "array[int]" = field(default_factory=lambda: array("i"))  # positions in `words`
    keys: "array[int]" = field(default_factory=lambda: array("i"))  # positions in `shape_keys`
    lengths: "array[int]" = field(default_factory=lambda: array("i"))  # buckets that are not empty
    sums: "array[int]" = field(default_factory=lambda: array("q"))  # `NO_SUM` if it has none
    starts: bytearray = field(default_factory=bytearray)  # int32
    counts: bytearray = field(default_factory=bytearray)  # int32
    large: list[int] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    shape_keys: list[ShapeKey] = field(default_factory=list)
    marks: dict[int, str] = field(default_factory=dict)  # by the position of the histogram; few have one

    def add_buckets(self, starts: Sequence[int], counts: Sequence[int]) -> None:
        """Append *starts* and *counts* of one histogram."""
        self.lengths.append(len(starts))
        self.starts += self._packed(starts)
        self.counts += self._packed(counts)

    def _packed(self, numbers: Sequence[int]) -> bytes:
        try:
            packed = array("i", numbers)
            if not packed or min(packed) >= 0:
                return packed.tobytes()
        except OverflowError:
            pass
        return array("i", map(self._short, numbers)).tobytes()

    def _short(self, number: int) -> int:
        if 0 <= number <= MAX_INT32:
            return number
        self.large.append(number)
        return -len(self.large)


@dataclass(slots=True)
class TableRows:
    """The rows of some records."""

    pings: list[PingRow] = field(default_factory=list)
    items: list[int] = field(default_factory=list)  # a number for each ping, chosen by the caller
    histograms: HistogramColumns = field(default_factory=HistogramColumns)
    scalars: list[ScalarValues] = field(default_factory=list)
    events: list[EventValues] = field(default_factory=list)
    uptake: list[UptakeValues] = field(default_factory=list)
    enrollments: list[EnrollmentValues] = field(default_factory=list)
    shapes: dict[str, tuple[str, tuple[int, ...], tuple[str, ...]]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of rows in all tables."""
        tuples = (self.pings, self.scalars, self.events, self.uptake, self.enrollments)
        return len(self.histograms.pings) + sum(map(len, tuples))

    def days(self) -> Iterator[Any]:
        """Yield the day of each ping."""
        return (ping[2] for ping in self.pings)
