"""The answer of ``/api/v1/clients`` and of the command ``clients``: distinct clients by what pings say."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from telemetry_server.aggregates.complete_hiding import hidden_groups
from telemetry_server.aggregates.dimensions import FILTERS, Dimensions, day_of
from telemetry_server.aggregates.groups import group_order
from telemetry_server.aggregates.query import PING, Selection
from telemetry_server.aggregates.reader import Reader
from telemetry_server.aggregates.stored_sums import StoredSums
from telemetry_server.aggregates.summary_sums import VIEWS
from telemetry_server.aggregates.sums import Sums
from telemetry_server.aggregates.suppression import is_small

DAY, WEEK, MONTH, BUILD = "day", "week", "month", "build"
CLIENT_DIMENSIONS = (*FILTERS, "country")
GROUPINGS = (DAY, WEEK, MONTH, BUILD, *CLIENT_DIMENSIONS)
SEPARATOR = "\x1f"


def clients_answer(
    reader: Reader,
    by: tuple[str, ...],
    first: str = "",
    last: str = "",
    *,
    totals_by: tuple[str, ...] | None = None,
) -> dict[str, Any]:
    """
    Return distinct clients and pings for each combination of values.

    Args:
        by: Names from `GROUPINGS`; without one there is one row for all.
        totals_by: The first names of *by*, whose totals are shown beside the rows: none of the rows that are
            not shown follows from these.  None without totals.
        first: The first day of arrival, YYYYMMDD; empty for all.
        last: The last.

    Raises:
        BrokenAggregate, OSError: The aggregates cannot be read.
    """

    def group_of(dimensions: Dimensions, day: str) -> str:
        return SEPARATOR.join(_value(name, dimensions, day) for name in by)

    days = [
        day
        for day in reader.days
        if (not first or day.table.day >= first) and (not last or day.table.day <= last)
    ]
    found = StoredSums(PING, Selection(), group_of, leaves_out=VIEWS[1]).of_days(days)
    groups: dict[str, Sums] = defaultdict(Sums)
    for (group, _, _), sums in found.sums.items():
        groups[group].add(sums)
    rows: list[dict[str, Any]] = []
    hidden = _hidden(groups, reader.suppress_below, None if totals_by is None else len(totals_by))
    for group in sorted(groups.keys() - hidden, key=_order):
        sums = groups[group]
        values = dict(zip(by, group.split(SEPARATOR), strict=True)) if by else {}
        rows.append({**values, "clients": sums.client_count, "pings": sums.pings})
        if sums.client_count is None:
            rows[-1]["clients_at_least"] = sums.clients_at_least
    return {
        "as_of": reader.as_of,
        "through_day": reader.through_day,
        "rows": rows,
        "suppressed": {"cells": len(hidden)},
        "left_out": {"automation": found.left_out["automation"]},
        "sealed_days": [day.table.day for day in days if day.table.is_sealed],
    }


def _hidden(groups: Mapping[str, Sums], suppress_below: int, total_names: int | None) -> set[str]:
    """Return the groups that are not shown; those with the same first *total_names* values have a total."""
    if total_names is None:
        return {group for group, sums in groups.items() if is_small(sums, suppress_below)}
    parts: dict[str, dict[str, Sums]] = defaultdict(dict)
    for group, sums in groups.items():
        parts[SEPARATOR.join(group.split(SEPARATOR)[:total_names])][group] = sums
    return set().union(*(hidden_groups(part, suppress_below) for part in parts.values()))


def _order(group: str) -> list[tuple[int, tuple[int, ...], str]]:
    return [group_order(value) for value in group.split(SEPARATOR)]


def _value(name: str, dimensions: Dimensions, day: str) -> str:
    if name == DAY:
        return day
    if name == MONTH:
        return day[:6]
    if name == WEEK:
        found = day_of(day)
        return day if found is None else f"{found - timedelta(days=found.weekday()):%Y%m%d}"
    if name == BUILD:
        return dimensions.build_date
    # A separator in a value of a client would make other groups.
    return str(getattr(dimensions, name)).replace(SEPARATOR, " ")
