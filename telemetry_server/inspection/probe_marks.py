"""The marks of one stored record, for ``explain``."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from telemetry_server.probes.record_check import FindsDefinitions, checked_record
from telemetry_server.probes.stores import Stores

_NOT_COMPUTED = "counted when the ping was converted"


def anomalies_of(
    record: Mapping[str, Any], stores: Stores, definitions: FindsDefinitions
) -> list[dict[str, Any]]:
    """
    The marks of *record*, each with the file and line of the definition that it breaks.

    They are found again by today's definitions; what only the conversion saw has no metric.
    """
    counted = Counter(record["metadata"].get("anomalies", {}))
    if not counted:
        return []
    listed: list[dict[str, Any]] = []
    checked = checked_record(record, stores, definitions)
    for mark in checked.marks() if checked is not None else ():
        shown: dict[str, Any] = dict(mark.as_json())
        expectations = checked.expectations if checked is not None else None
        if mark.metric is not None and expectations is not None:
            place = expectations.registry.place_of(mark.metric)
            if place is not None:
                shown["file"], shown["line"] = place
        listed.append(shown)
        counted[mark.name.value] -= 1
    for name, count in counted.items():
        listed += [
            {"name": name, "metric": None, "process": None, "detail": _NOT_COMPUTED}
            for _ in range(min(count, 1))
        ]
    return listed
