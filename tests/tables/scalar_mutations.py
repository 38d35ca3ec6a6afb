"""
Runs mutated sections of Firefox records through a compiled collector.

``python -m tests.tables.scalar_mutations LIBRARY SECONDS`` prints how many records it read, and fails at the
first record for which the plain way collects other rows.
"""

import sys
from random import Random
from typing import Any

import orjson

from telemetry_server.convert.compiled.ping_text import OpenedObject
from telemetry_server.tables import scalar_collector
from telemetry_server.tables.row_collector import RowCollector
from tests.records.test_fields import a_record
from tests.records.test_measurements import INFO, OneSpecFile
from tests.tables.mutated_inputs import compare

MODULE = "telemetry_server.tables._scalars"
ODD = (None, True, 0, -1, 2**63, 2**64, 10**400, 0.5, "", "é", [], [1], {}, {"a": 1}, {"a": {"b": "c"}})
DEEP: dict[str, Any] = {"end": 1}
for level in range(10):
    DEEP = {f"level{level}": DEEP, "beside": level}
SECTION: dict[str, Any] = {
    "scalars": {"browser.count": 3, "name": "é", "on": True, "half": 0.5, "none": None},
    "keyedScalars": {"by": {"x": 1, "": 2}, "words": {"a": "b"}},
    "simpleMeasurements": {"start": 12, "js": {"setProp": 3}, "deep": DEEP, "list": [1], "word": "x"},
}
# A custom ping has an object for each process.
STORE: dict[str, Any] = {
    "scalars": {"parent": {"a": 1}, "gpu": {"b": "x"}},
    "keyedScalars": {"gpu": {"by": {"x": 1}}, "content": {"by": {"y": True}}},
}
PARTS: tuple[dict[str, Any], ...] = (
    {**SECTION, "processes": {"gpu": SECTION, "": SECTION}, "childPayloads": [SECTION]},
    STORE,
)


def as_opened(value: Any, depth: int = 0) -> Any:
    """Return a record as a split one: most members are text, which is decoded when it is read."""
    if not isinstance(value, dict):
        return value
    opened = OpenedObject()
    for name, member in value.items():
        is_opened = name in ("payload", "processes") or (depth and isinstance(value, dict) and name == "gpu")
        opened[name] = as_opened(member, depth + 1) if is_opened else _text(member)
    return opened


def _text(value: Any) -> Any:
    try:
        return orjson.dumps(value)
    except TypeError:  # orjson writes no integers of more than 64 bits
        return value


def collected(parts: list[dict[str, Any]]) -> tuple[Any, ...]:
    """Return the columns of records with *parts*, and the type of the error that ends them early."""
    collector = RowCollector(OneSpecFile())
    for each in parts:
        for record in (a_record(info=INFO, **each), a_record(payload={"info": INFO, **each})):
            for form in (record, as_opened(record)):
                try:
                    collector.add(b"", 0, form)
                except (TypeError, OverflowError, ValueError) as error:
                    return type(error), str(error)
    return collector.rows, None


def mutated(chance: Random, value: Any, depth: int = 0) -> Any:
    """Return a copy of *value* with parts replaced, removed, or in another order."""
    if chance.random() < 0.02 * depth:
        return chance.choice(ODD)
    if isinstance(value, list):
        return [mutated(chance, part, depth + 1) for part in value]
    if not isinstance(value, dict):
        return value
    items = [
        (chance.choice(("", "é", "gpu", key)) if chance.random() < 0.1 else key, part)
        for key, part in value.items()
        if chance.random() > 0.05
    ]
    if chance.random() < 0.1:
        chance.shuffle(items)
    return {key: mutated(chance, part, depth + 1) for key, part in items}


def mutated_parts(chance: Random) -> Any:
    """Return parts of a record that are almost usual."""
    return mutated(chance, chance.choice(PARTS))


if __name__ == "__main__":
    library, seconds = sys.argv[1:]
    count = compare(
        scalar_collector,
        MODULE,
        library,
        mutated_input=mutated_parts,
        collected=collected,
        seconds=float(seconds),
    )
    print(count)
