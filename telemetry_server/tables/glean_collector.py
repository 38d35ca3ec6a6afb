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
from telemetry_server.tables.column_collectors import Numbers
from telemetry_server.tables.scalar_collector import ScalarCollector

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


Scalars = tuple[bytes, bytes, bytes, bytes]
"""Pings, keys, kinds and values."""

Histograms = tuple[bytes, ...]
"""Pings, processes, labels, keys, lengths, sums, starts and counts."""


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
    Reads the metrics of Glean pings as columns.

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

    def read(self, ping: int, metrics: Mapping[str, Any]) -> tuple[Scalars, Histograms] | None:
        """Return the scalars and the histograms of *metrics*; None if only `records` can read them."""
        if not IS_COMPILED or metrics.__class__ is not dict:
            return None
        scalars = self._scalars
        return _metrics.metrics(
            ping,
            metrics,
            _FORMS,
            scalars.keys,
            scalars.words,
            self._shapes,
            self._words,
            self._histograms.large,
            text_of,
        )
