"""
Times in Glean pings with a wrongly written time zone.

The Python SDK sends an offset of -07:00 as +17:00.  Glean.js writes hours as a fraction: India's offset
+05:30 is sent as ``+5.5:00``, and Nepal's +05:45 as ``+5.75:00``.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

MAX_OFFSET_MINUTES = 14 * 60
_OFFSET = re.compile(r"([+-])([0-9]{2}):([0-9]{2})$")
_FRACTIONAL_OFFSET = re.compile(r"([+-])([0-9]{1,2}\.(?:25|5|75)):00$")


def suspicious_times(ping: Mapping[str, Any]) -> int:
    """The number of times in a Glean ping that are over 14 hours from UTC, or have fractional hours."""
    return sum(map(_is_suspicious, _times(ping)))


def utc_offset_minutes(time: str) -> int | None:
    """
    The offset from UTC, in minutes, at the end of *time*; None if it has no offset.

    ``+5.5:00`` is 330, as ``+05:30`` is.
    """
    if found := _OFFSET.search(time):
        minutes = int(found[2]) * 60 + int(found[3])
    elif found := _FRACTIONAL_OFFSET.search(time):
        minutes = int(float(found[2]) * 60)
    else:
        return None
    return -minutes if found[1] == "-" else minutes


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
    if not isinstance(value, str):
        return False
    minutes = utc_offset_minutes(value)
    return minutes is not None and (
        abs(minutes) > MAX_OFFSET_MINUTES or _FRACTIONAL_OFFSET.search(value) is not None
    )
