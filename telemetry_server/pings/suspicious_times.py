"""Times in Glean pings whose zone cannot be: the Python SDK sends an offset of -07:00 as +17:00."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

MOST_OFFSET_MINUTES = 14 * 60
_OFFSET = re.compile(r"[+-]([0-9]{2}):([0-9]{2})$")


def suspicious_times(ping: Mapping[str, Any]) -> int:
    """How many of the times of a Glean ping lie more than 14 hours from UTC, where no zone is."""
    return sum(map(_is_suspicious, _times(ping)))


def _times(ping: Mapping[str, Any]) -> Iterator[Any]:
    metrics = ping.get("metrics")
    datetimes = metrics.get("datetime") if isinstance(metrics, dict) else None
    if isinstance(datetimes, dict):
        yield from datetimes.values()
    for section, names in (
        ("ping_info", ("start_time", "end_time")),
        ("client_info", ("first_run_date", "build_date")),
    ):
        info = ping.get(section)
        if isinstance(info, dict):
            for name in names:
                yield info.get(name)


def _is_suspicious(value: Any) -> bool:
    found = _OFFSET.search(value) if isinstance(value, str) else None
    return found is not None and int(found[1]) * 60 + int(found[2]) > MOST_OFFSET_MINUTES
