"""Collects the metrics of Glean pings in C, where that is compiled."""

from collections.abc import Callable, Mapping
from typing import Any

from telemetry_server.records.histograms import GLEAN_DISTRIBUTIONS, LABELED, glean_shape
from telemetry_server.records.record_text import HistogramRows
from telemetry_server.records.scalars import (
    GLEAN_DUAL_LABELED,
    GLEAN_LABELED,
    GLEAN_SIMPLE,
    TIMESPAN,
    text_of,
)
from telemetry_server.records.shapes import Shape
from telemetry_server.tables.scalar_collector import ScalarRows

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
    Appends the metrics of Glean pings to columns.

    Args:
        shape_number: Gives a metric and its shape a number.
    """

    def __init__(
        self, histograms: HistogramRows, scalars: ScalarRows, shape_number: Callable[[str, Shape], int]
    ) -> None:
        self._histograms = histograms
        self._scalars = scalars
        self._shapes = _ShapeNumbers(shape_number)

    def add(self, ping: int, metrics: Mapping[str, Any]) -> bool:
        """Append the scalars and the histograms of *metrics*, or none if only `records` can read them."""
        if not IS_COMPILED or metrics.__class__ is not dict:
            return False
        return _metrics.metrics(ping, metrics, _FORMS, self._shapes, text_of, self._scalars, self._histograms)
