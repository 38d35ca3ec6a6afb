"""The scalars of a stored record: Firefox's scalars, simple measurements, and Glean's simple metrics."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from storage.tables.rows import ScalarKey
from telemetry_server.records.fields import as_object, object_at
from telemetry_server.records.sections import ROOT_PLACES, Section

TIMESPAN = "timespan"
# Glean metric types with one value a metric, and with one value a label.
GLEAN_SIMPLE = frozenset(
    {"boolean", "counter", "datetime", "object", "quantity", "rate", "string", "string_list", "text"}
    | {TIMESPAN, "url", "url2", "uuid"}
)
GLEAN_LABELED = frozenset({"labeled_boolean", "labeled_counter", "labeled_quantity", "labeled_string"})
GLEAN_DUAL_LABELED = "dual_labeled_counter"
MAX_DEPTH_OF_MEASUREMENTS = 8


ScalarValue = float | str | bool

Scalar = tuple[ScalarKey, ScalarValue]
"""
One row of the table ``scalars``: metric, process, label and kind, and the value.

The process is '' for Glean, and the label where the metric is not keyed.  The kind is the Glean type, else
"scalar" or "simple_measurement".
"""

SCALAR, SIMPLE_MEASUREMENT = "scalar", "simple_measurement"
_VALUES = frozenset({int, float, str, bool})  # those of JSON: no class is derived from them


def scalars_of(sections: Iterable[Section]) -> list[Scalar]:
    """Return the scalars and simple measurements of *sections* that have a place in the table."""
    found: list[Any] = []
    for process, content, place in sections:
        plain, keyed = object_at(content, "scalars"), object_at(content, "keyedScalars")
        if plain or keyed:
            if place in ROOT_PLACES:
                _add_snapshot(found, plain, keyed)
            _add_section(found, process, plain, keyed)
        if "simpleMeasurements" in content:
            measurements = as_object(content["simpleMeasurements"])
            _add_measurements(found, measurements, process, "simpleMeasurements", 0)
    return found


def _add_section(found: list[Any], process: str, plain: Mapping[str, Any], keyed: Mapping[str, Any]) -> None:
    for metric, value in plain.items():
        if value.__class__ in _VALUES:
            found.append(((metric, process, "", SCALAR), value))
    for metric, by_key in keyed.items():
        for label, value in as_object(by_key).items():
            if value.__class__ in _VALUES:
                found.append(((metric, process, label, SCALAR), value))


def _add_snapshot(found: list[Any], plain: Mapping[str, Any], keyed: Mapping[str, Any]) -> None:
    """Add the snapshot of a store, as in custom pings: ``payload.scalars`` has an object for each process."""
    for process in {**plain, **keyed}:
        _add_section(found, process, as_object(plain.get(process)), as_object(keyed.get(process)))


def _add_measurements(
    found: list[Any], values: Mapping[str, Any], process: str, prefix: str, depth: int
) -> None:
    """Nested measurements are joined by dots: ``simpleMeasurements.UITelemetry.open``."""
    for name, value in values.items():
        if value.__class__ in _VALUES:
            found.append(((f"{prefix}.{name}", process, "", SIMPLE_MEASUREMENT), value))
        elif isinstance(value, dict) and depth < MAX_DEPTH_OF_MEASUREMENTS:
            _add_measurements(found, value, process, f"{prefix}.{name}", depth + 1)


def glean_scalars_of(metrics: Mapping[str, Any]) -> list[Scalar]:
    """Return the *metrics* of a Glean ping that have a place in the table ``scalars``."""
    found: list[Any] = []
    for kind, by_metric in metrics.items():
        if not isinstance(by_metric, dict):
            continue
        if kind in GLEAN_SIMPLE:
            for metric, value in by_metric.items():
                simple = _glean_value(kind, value)
                if simple.__class__ in _VALUES:
                    found.append(((metric, "", "", kind), simple))
        elif kind in GLEAN_LABELED:
            for metric, by_label in by_metric.items():
                _add_labeled(found, metric, as_object(by_label), kind)
        elif kind == GLEAN_DUAL_LABELED:
            for metric, by_key in by_metric.items():
                for key, by_category in as_object(by_key).items():
                    _add_labeled(found, metric, as_object(by_category), kind, f"{key}/")
    return found


def _add_labeled(
    found: list[Any], metric: str, by_label: Mapping[str, Any], kind: str, before: str = ""
) -> None:
    for label, value in by_label.items():
        if value.__class__ in _VALUES:
            found.append(((metric, "", before + label, kind), value))


def _glean_value(kind: str, value: Any) -> Any:
    if kind == TIMESPAN:
        return as_object(value).get("value")
    return text_of(value) if isinstance(value, dict | list) else value


def text_of(value: Any) -> str:
    """Return an object or a list as JSON text, with its keys in order."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
