"""Collects the metrics of Glean pings in C, where that is compiled."""

from collections.abc import Callable, Mapping
from typing import Any

from storage.tables.rows import HistogramColumns
from telemetry_server.records.histograms import GLEAN_DISTRIBUTIONS, LABELED, glean_shape
from telemetry_server.records.scalars import (
    GLEAN_DUAL_LABELED,
    GLEAN_LABELED,
    GLEAN_SIMPLE,
    TIMESPAN,
    text_of,
)
from telemetry_server.records.shapes import Shape
from telemetry_server.tables.column_collectors import Numbers, ScalarCollector, repeated

try:
    from telemetry_server.tables import _metrics
except ImportError:  # built without a C compiler
    IS_COMPILED = False
else:
    IS_COMPILED = True

# What the types of metrics hold, in the numbers of `_metrics.c`.
_SIMPLE, _TIMESPAN, _LABELED, _DUAL_LABELED, _DISTRIBUTION, _LABELED_DISTRIBUTION = range(6)
_FORMS = {
    **dict.fromkeys(GLEAN_SIMPLE, _SIMPLE),
    TIMESPAN: _TIMESPAN,
    **dict.fromkeys(GLEAN_LABELED, _LABELED),
    GLEAN_DUAL_LABELED: _DUAL_LABELED,
    **{
        kind: _LABELED_DISTRIBUTION if kind.startswith(LABELED) else _DISTRIBUTION
        for kind in GLEAN_DISTRIBUTIONS
    },
}


class _ShapeNumbers(dict[tuple[str, str], int]):
    """The number of the shape of a distribution, by its type and metric."""

    def __init__(self, number_of: Callable[[str, Shape], int]) -> None:
        super().__init__()
        self._number_of = number_of

    def __missing__(self, key: tuple[str, str]) -> int:
        kind, metric = key
        number = self[key] = self._number_of(metric, glean_shape(kind, metric))
        return number


class GleanCollector:
    """
    Appends the metrics of Glean pings to their columns.

    Args:
        words: Numbers of the texts of *histograms*.
        shape_number: Gives a metric and its shape a number.
    """

    def __init__(
        self,
        histograms: HistogramColumns,
        scalars: ScalarCollector,
        words: Numbers,
        shape_number: Callable[[str, Shape], int],
    ) -> None:
        self._histograms = histograms
        self._scalars = scalars
        self._words = words
        self._shapes = _ShapeNumbers(shape_number)

    def add(self, ping: int, metrics: Mapping[str, Any]) -> bool:
        """Append the rows of *metrics*; return False, with nothing appended, if only `records` can."""
        if not IS_COMPILED or metrics.__class__ is not dict:
            return False
        held, scalars = self._histograms, self._scalars
        found = _metrics.metrics(
            metrics, _FORMS, scalars.keys, scalars.words, self._shapes, self._words, held.large, text_of
        )
        if found is None:
            return False
        keys, kinds, values, labels, shapes, lengths, sums, starts, counts = found
        scalars.add_columns(ping, keys, kinds, values)
        if lengths:
            rows = len(lengths) // held.lengths.itemsize
            held.pings.frombytes(repeated(ping, rows))
            held.processes.frombytes(repeated(self._words[""], rows))
            held.labels.frombytes(labels)
            held.keys.frombytes(shapes)
            held.lengths.frombytes(lengths)
            held.sums.frombytes(sums)
            held.starts += starts
            held.counts += counts
        return True
