"""The marks of one stored record, for ``explain``."""

from collections import Counter
from typing import Any

from telemetry_server.probes.marks import MarkName
from telemetry_server.probes.probe_checks import ProbeChecks, checked_record

_NOT_COMPUTED = "counted when the ping was converted"
_DETAILS = {
    MarkName.TOO_FREQUENT.value: "another ping of the client came less than min_interval_seconds before it"
}


def anomalies_of(record: dict[str, Any], checks: ProbeChecks) -> list[dict[str, Any]]:
    """
    Return the marks of *record*, each with the file and line of the definition that it breaks.

    They are found again by today's definitions; a mark that only the conversion saw has no metric.
    """
    counted = Counter(record["metadata"].get("anomalies", {}))
    if not counted:
        return []
    listed: list[dict[str, Any]] = []
    checked = checked_record(record, checks)
    for mark in checked.marks() if checked is not None else ():
        shown: dict[str, Any] = dict(mark.as_json())
        if mark.metric is not None and checked is not None:
            place = checked.place_of(mark.metric)
            if place is not None:
                shown["file"], shown["line"] = place
        listed.append(shown)
        counted[mark.name.value] -= 1
    for name, count in counted.items():
        listed += [
            {"name": name, "metric": None, "process": None, "detail": _DETAILS.get(name, _NOT_COMPUTED)}
            for _ in range(min(count, 1))
        ]
    return listed
