"""The scalars of a stored record: Firefox's scalars, simple measurements, and Glean's simple metrics."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson

from telemetry_server.records.fields import Record, as_object, object_at
from telemetry_server.records.sections import ROOT_PLACES, Section

# Glean metric types with one value a metric, and with one value a label.
GLEAN_SIMPLE = frozenset(
    {"boolean", "counter", "datetime", "object", "quantity", "rate", "string", "string_list", "text"}
    | {"timespan", "url", "url2", "uuid"}
)
GLEAN_LABELED = frozenset({"labeled_boolean", "labeled_counter", "labeled_quantity", "labeled_string"})
GLEAN_DUAL_LABELED = "dual_labeled_counter"
MAX_DEPTH_OF_MEASUREMENTS = 8
SCALAR, SIMPLE_MEASUREMENT = "scalar", "simple_measurement"


class ScalarRow(NamedTuple):
    """One value of the table ``scalars``; exactly one of the three values is not None."""

    metric: str
    process: str  # '' for Glean
    label: str  # '' where the metric is not keyed
    kind: str  # the Glean type, else "scalar" or "simple_measurement"
    number: float | None
    text: str | None
    boolean: bool | None


def scalar_rows_of(record: Record, sections: Iterable[Section]) -> list[ScalarRow]:
    """Return every scalar of *record* and its *sections* that has a place in the table."""
    rows: list[ScalarRow] = []
    for process, content, place in sections:
        plain, keyed = as_object(content.get("scalars")), as_object(content.get("keyedScalars"))
        if place in ROOT_PLACES:
            _add_snapshot(rows, plain, keyed)
        _add_section(rows, process, plain, keyed)
        measurements = as_object(content.get("simpleMeasurements"))
        _add_measurements(rows, measurements, process, "simpleMeasurements", 0)
    _add_glean(rows, object_at(record, "metrics"))
    return rows


def _add_section(
    rows: list[ScalarRow], process: str, plain: Mapping[str, Any], keyed: Mapping[str, Any]
) -> None:
    for metric, value in plain.items():
        _add(rows, (metric, process, ""), SCALAR, value)
    for metric, by_key in keyed.items():
        for label, value in as_object(by_key).items():
            _add(rows, (metric, process, label), SCALAR, value)


def _add_snapshot(rows: list[ScalarRow], plain: Mapping[str, Any], keyed: Mapping[str, Any]) -> None:
    """Add the snapshot of a store, as in custom pings: ``payload.scalars`` has an object for each process."""
    for process in {**plain, **keyed}:
        _add_section(rows, process, as_object(plain.get(process)), as_object(keyed.get(process)))


def _add_measurements(
    rows: list[ScalarRow], values: Mapping[str, Any], process: str, prefix: str, depth: int
) -> None:
    """Nested measurements are joined by dots: ``simpleMeasurements.UITelemetry.open``."""
    for name, value in values.items():
        metric = f"{prefix}.{name}"
        if isinstance(value, dict):
            if depth < MAX_DEPTH_OF_MEASUREMENTS:
                _add_measurements(rows, value, process, metric, depth + 1)
        else:
            _add(rows, (metric, process, ""), SIMPLE_MEASUREMENT, value)


def _add_glean(rows: list[ScalarRow], metrics: Mapping[str, Any]) -> None:
    for kind, by_metric in metrics.items():
        if not isinstance(by_metric, dict):
            continue
        if kind in GLEAN_SIMPLE:
            for metric, value in by_metric.items():
                _add(rows, (metric, "", ""), kind, _glean_value(kind, value))
            continue
        for metric, value in by_metric.items():
            if kind in GLEAN_LABELED and isinstance(value, dict):
                for label, labeled in value.items():
                    _add(rows, (metric, "", label), kind, labeled)
            elif kind == GLEAN_DUAL_LABELED and isinstance(value, dict):
                for key, by_category in value.items():
                    for category, labeled in as_object(by_category).items():
                        _add(rows, (metric, "", f"{key}/{category}"), kind, labeled)


def _glean_value(kind: str, value: Any) -> Any:
    if kind == "timespan":
        return as_object(value).get("value")
    if isinstance(value, dict | list):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return value


def _add(rows: list[ScalarRow], names: tuple[str, str, str], kind: str, value: Any) -> None:
    """Add *value*, if it is one; *names* are metric, process and label."""
    if isinstance(value, bool):
        rows.append(ScalarRow(*names, kind, None, None, value))
    elif isinstance(value, int | float):
        rows.append(ScalarRow(*names, kind, float(value), None, None))
    elif isinstance(value, str):
        rows.append(ScalarRow(*names, kind, None, value, None))
