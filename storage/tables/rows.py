"""Rows for the tables, as plain values that are cheap to pickle: mostly by column, flat."""

from array import array
from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass, field
from pickle import PickleBuffer
from typing import Any, SupportsIndex

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

ShapeValues = tuple[str, tuple[int, ...], tuple[str, ...]]
"""Kind, starts and labels of a shape."""

ScalarKey = tuple[str, str, str, str]
"""Metric, process, label, kind."""

Experiments = tuple[tuple[str, str | None], ...]
"""Experiment and branch."""

PING_TEXTS = (
    *("namespace", "doctype", "docversion", "application", "channel", "version", "build_id"),
    *("os", "os_version", "architecture", "reason", "revision", "session_id", "subsession_id"),
    *("source_tags", "country"),
)
"""The columns of the table ``pings`` that hold texts, in the order of `PingColumns.texts`."""

NO_SUM = -(2**63)
NO_WORD = NO_SAMPLE = -1
MAX_INT32 = 2**31 - 1
BUFFERS_PROTOCOL = 5
"""The first protocol of pickle that can keep buffers out of the pickle, to be sent without a copy."""
NUMBER, TEXT, BOOLEAN = range(3)


@dataclass(slots=True)
class PingColumns:
    """Pings by column: an entry a ping; in `texts` one for each of `PING_TEXTS`."""

    document_ids: bytearray = field(default_factory=bytearray)  # 16 bytes each
    # Of arrival, in microseconds since 1970.
    timestamps: "array[int]" = field(default_factory=lambda: array("q"))
    client_ids: bytearray = field(default_factory=bytearray)  # 16 bytes each; zeros without an id
    sample_ids: "array[int]" = field(default_factory=lambda: array("i"))  # `NO_SAMPLE` without a client id
    # Positions in `words`; `NO_WORD` for a text that it does not have.
    texts: "array[int]" = field(default_factory=lambda: array("i"))
    subsession_counters: list[int | None] = field(default_factory=list)
    experiments: "array[int]" = field(default_factory=lambda: array("i"))  # positions in `experiment_sets`
    words: list[str] = field(default_factory=list)
    experiment_sets: list[Experiments] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.timestamps)


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

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Pickle the columns, which are most of the rows, as buffers; what is made of them does not grow."""
        short: tuple[Any, ...] = (self.pings, self.processes, self.labels, self.keys, self.lengths)
        columns = (*short, self.sums, self.starts, self.counts)
        others = (self.large, self.words, self.shape_keys, self.marks)
        if int(protocol) < BUFFERS_PROTOCOL:
            return HistogramColumns, (*columns, *others)
        return _of_buffers, (*map(PickleBuffer, columns), *others)

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


def _of_buffers(*columns: Any) -> HistogramColumns:
    short, sums, others = columns[:5], columns[5], columns[6:]
    numbers: Any = [*(memoryview(column).cast("i") for column in short), memoryview(sums).cast("q")]
    return HistogramColumns(*numbers, *others)


@dataclass(slots=True)
class ScalarColumns:
    """Scalars of many pings by column: an entry a scalar."""

    pings: "array[int]" = field(default_factory=lambda: array("i"))
    keys: "array[int]" = field(default_factory=lambda: array("i"))  # positions in `scalar_keys`
    kinds: bytearray = field(default_factory=bytearray)  # `NUMBER`, `TEXT` or `BOOLEAN`
    # The number; the position in `words`; 0 or 1.
    values: "array[float]" = field(default_factory=lambda: array("d"))
    scalar_keys: list[ScalarKey] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    marks: dict[int, str] = field(default_factory=dict)  # by the position of the scalar; few have one

    def __len__(self) -> int:
        return len(self.pings)


@dataclass(slots=True)
class TableRows:
    """The rows of some records."""

    pings: PingColumns = field(default_factory=PingColumns)
    items: list[int] = field(default_factory=list)  # a number for each ping, chosen by the caller
    histograms: HistogramColumns = field(default_factory=HistogramColumns)
    scalars: ScalarColumns = field(default_factory=ScalarColumns)
    events: list[EventValues] = field(default_factory=list)
    uptake: list[UptakeValues] = field(default_factory=list)
    enrollments: list[EnrollmentValues] = field(default_factory=list)
    shapes: dict[str, ShapeValues] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of rows in all tables."""
        tables: tuple[Sized, ...] = (self.pings, self.scalars, self.events, self.uptake, self.enrollments)
        return len(self.histograms.pings) + sum(map(len, tables))
