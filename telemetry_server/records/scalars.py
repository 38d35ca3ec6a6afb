"""The scalars of a stored record: Firefox's scalars, simple measurements, and Glean's simple metrics."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from telemetry_server.records.fields import Record, as_object, object_at
from telemetry_server.records.sections import sections_of

# Glean metric types with one value a metric, and with one value a label.
GLEAN_SIMPLE = frozenset(
    {"boolean", "counter", "datetime", "object", "quantity", "rate", "string", "string_list", "text"}
    | {"timespan", "url", "url2", "uuid"}
)
GLEAN_LABELED = frozenset({"labeled_boolean", "labeled_counter", "labeled_quantity", "labeled_string"})
GLEAN_DUAL_LABELED = "dual_labeled_counter"
MAX_DEPTH_OF_MEASUREMENTS = 8


class ScalarRow(NamedTuple):
    """One value of the table ``scalars``; exactly one of the three values is not None."""

    metric: str
    process: str  # '' for Glean
    label: str  # '' where the metric is not keyed
    kind: str  # the Glean type, else "scalar" or "simple_measurement"
    number: float | None
    text: str | None
    boolean: bool | None


def scalar_rows_of(record: Record) -> Iterator[ScalarRow]:
    """Yield every scalar of *record*; values without a place in the table are left out."""
    for section in sections_of(record):
        for metric, value in object_at(section.content, "scalars").items():
            yield from _row(metric, section.process, "", "scalar", value)
        for metric, by_key in object_at(section.content, "keyedScalars").items():
            for label, value in as_object(by_key).items():
                yield from _row(metric, section.process, label, "scalar", value)
        measurements = object_at(section.content, "simpleMeasurements")
        yield from _measurements(measurements, section.process, "simpleMeasurements", 0)
    yield from _glean_rows(object_at(record, "metrics"))


def _measurements(values: Mapping[str, Any], process: str, prefix: str, depth: int) -> Iterator[ScalarRow]:
    """Nested measurements are joined by dots: ``simpleMeasurements.UITelemetry.open``."""
    for name, value in values.items():
        metric = f"{prefix}.{name}"
        if isinstance(value, dict):
            if depth < MAX_DEPTH_OF_MEASUREMENTS:
                yield from _measurements(value, process, metric, depth + 1)
        else:
            yield from _row(metric, process, "", "simple_measurement", value)


def _glean_rows(metrics: Mapping[str, Any]) -> Iterator[ScalarRow]:
    for kind, by_metric in metrics.items():
        if not isinstance(by_metric, dict):
            continue
        for metric, value in by_metric.items():
            if kind in GLEAN_SIMPLE:
                yield from _row(metric, "", "", kind, _glean_value(kind, value))
            elif kind in GLEAN_LABELED and isinstance(value, dict):
                for label, labeled in value.items():
                    yield from _row(metric, "", label, kind, labeled)
            elif kind == GLEAN_DUAL_LABELED and isinstance(value, dict):
                for key, by_category in value.items():
                    for category, labeled in as_object(by_category).items():
                        yield from _row(metric, "", f"{key}/{category}", kind, labeled)


def _glean_value(kind: str, value: Any) -> Any:
    if kind == "timespan":
        return as_object(value).get("value")
    if isinstance(value, dict | list):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return value


def _row(metric: str, process: str, label: str, kind: str, value: Any) -> Iterator[ScalarRow]:
    if isinstance(value, bool):
        yield ScalarRow(metric, process, label, kind, None, None, value)
    elif isinstance(value, int | float):
        yield ScalarRow(metric, process, label, kind, float(value), None, None)
    elif isinstance(value, str):
        yield ScalarRow(metric, process, label, kind, None, value, None)
