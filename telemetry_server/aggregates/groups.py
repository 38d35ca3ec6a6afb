"""The order of groups: builds, days, versions, branches."""

from telemetry_server.aggregates.dimensions import UNKNOWN


def group_order(group: str) -> tuple[bool, int, str]:
    """Return a key: numbers come in their order, then words; what is unknown is last."""
    return (group == UNKNOWN, int(group) if group.isascii() and group.isdigit() else 0, group)
