"""The order of groups: builds, days, versions, branches."""

import re

from telemetry_server.aggregates.dimensions import UNKNOWN

_NUMBERS = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})*")


def group_order(group: str) -> tuple[int, tuple[int, ...], str]:
    """Return a key: numbers come in their order, then words; what is unknown is last."""
    if _NUMBERS.fullmatch(group):
        return 0, tuple(map(int, group.split("."))), group
    return (2 if group == UNKNOWN else 1), (), group
