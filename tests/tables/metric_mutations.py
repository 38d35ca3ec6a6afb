"""
Runs mutated metrics through a compiled collector.

``python -m tests.tables.metric_mutations LIBRARY SECONDS`` prints how many pings it read, and fails at the
first ping for which the plain way collects other rows.
"""

import sys
from random import Random
from typing import Any

from telemetry_server.tables import glean_collector
from telemetry_server.tables.row_collector import RowCollector
from tests.records.test_fields import a_record
from tests.records.test_measurements import OneSpecFile
from tests.tables.mutated_inputs import compare

MODULE = "telemetry_server.tables._metrics"
ODD = (
    None,
    True,
    0,
    -1,
    2**31,
    2**63 - 1,
    2**64,
    0.5,
    "",
    "é",
    [],
    [1],
    {},
    {"values": {"1": 1}},
    {"value": 2},
)
METRICS: dict[str, Any] = {
    "counter": {"loads": 3, "large": 2**40},
    "boolean": {"on": True},
    "string": {"engine": "é"},
    "string_list": {"list": ["a", "b"]},
    "rate": {"r": {"numerator": 1, "denominator": 2}},
    "object": {"o": {"b": 1, "a": [2]}},
    "quantity": {"half": 0.5},
    "timespan": {"start": {"time_unit": "ms", "value": 12}},
    "labeled_counter": {"errors": {"network": 1, "parse": 2}},
    "labeled_string": {"words": {"a": "b"}},
    "dual_labeled_counter": {"dual": {"k": {"c": 1, "d": 2}, "l": {"c": 3}}},
    "timing_distribution": {"load": {"sum": 7, "values": {"1": 2, "9": 0, "12": 4}}},
    "custom_distribution": {"own": {"sum": -1, "values": {"5": 2**33, str(2**62): 1}}},
    "labeled_custom_distribution": {"by": {"x": {"values": {}}, "y": {"sum": 0.5, "values": {"3": 1}}}},
    "unknown": {"x": 1},
}


def collected(pings: list[dict[str, Any]]) -> tuple[Any, ...]:
    """Return the columns of *pings*, which are metrics, and the type of the error that ends them early."""
    collector = RowCollector(OneSpecFile())
    for metrics in pings:
        record = a_record("app", "metrics", metrics=metrics)
        try:
            collector.add(b"", 0, record)
        except (TypeError, OverflowError, ValueError) as error:
            return type(error), str(error)
    return collector.rows, None


def mutated(chance: Random, value: Any, depth: int = 0) -> Any:
    """Return a copy of *value* with parts replaced, removed, or in another order."""
    if chance.random() < 0.05 * depth:
        return chance.choice(ODD)
    if not isinstance(value, dict):
        return value
    items = [
        (chance.choice(("", "1", "01", str(2**63), "é", key)) if chance.random() < 0.1 else key, part)
        for key, part in value.items()
        if chance.random() > 0.05
    ]
    if chance.random() < 0.1:
        chance.shuffle(items)
    return {key: mutated(chance, part, depth + 1) for key, part in items}


def a_mutated_input(chance: Random) -> Any:
    """Return metrics that are almost usual."""
    return mutated(chance, METRICS)


if __name__ == "__main__":
    library, seconds = sys.argv[1:]
    count = compare(
        glean_collector,
        MODULE,
        library,
        mutated_input=a_mutated_input,
        collected=collected,
        seconds=float(seconds),
    )
    print(count)
