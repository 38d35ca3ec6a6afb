"""The branches of an experiment, compared by one probe."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from telemetry_server.charts.cells import interval
from telemetry_server.reports.web.probe_parameters import OneProbeParameters
from telemetry_server.reports.web.templates import measure

CONTROL = "control"
Row = Mapping[str, Any]
METHODS = {"bootstrap": "95% interval by a bootstrap of clients", "wilson": "95% Wilson interval"}


@dataclass(frozen=True, slots=True)
class Branch:
    """One line of the table."""

    name: str
    row: Row
    pings_address: str
    mean: str
    low_high: str
    picture: Markup
    percentiles: list[str]


@dataclass(frozen=True, slots=True)
class Branches:
    """All branches, and the two that are compared."""

    lines: list[Branch]
    percentile_names: list[str]
    method: str
    chosen_name: str
    compared_name: str
    chosen: dict[str, Row]  # by weight
    compared: dict[str, Row | None]

    @property
    def names(self) -> list[str]:
        """The branches that can be chosen."""
        return [line.name for line in self.lines]


def branches_of(
    given: OneProbeParameters,
    by_weight: Mapping[str, Mapping[str, Any]],
    pings_address: Callable[[str], str],
) -> Branches | None:
    """
    Return the branches of an answer; None where it has none, or not the chosen one.

    Without a choice, ``control`` or the first is compared with the next.
    """
    rows: dict[str, dict[str, Row]] = {
        weight: {row["group"]: row for row in answer["rows"]} for weight, answer in by_weight.items()
    }
    names = list(rows["samples"])
    if not names:
        return None
    chosen = given.at or (CONTROL if CONTROL in names else names[0])
    if chosen not in names:
        return None
    others = [name for name in names if name != chosen]
    compared = given.compare or (others[0] if others else "")
    lines = [_branch(row, rows["samples"], pings_address) for row in rows["samples"].values()]
    methods = {row["interval"]["method"] for row in rows["samples"].values() if row.get("interval")}
    first = rows["samples"][chosen]
    return Branches(
        lines,
        [f"p{each['p']}" for each in first["percentiles"]],
        "; ".join(METHODS[method] for method in sorted(methods)),
        chosen,
        compared,
        {weight: found[chosen] for weight, found in rows.items()},
        {weight: found.get(compared) for weight, found in rows.items()},
    )


def _branch(row: Row, rows: Mapping[str, Row], pings_address: Callable[[str], str]) -> Branch:
    found = row.get("interval")
    ends = [each["interval"] for each in rows.values() if each.get("interval")]
    picture = Markup("")
    low_high = "no data" if row["mean"] is None else "not known"
    if found and row["mean"] is not None:
        lowest, highest = min(each["low"] for each in ends), max(each["high"] for each in ends)
        picture = Markup(interval(found["low"], row["mean"], found["high"], lowest, highest))  # noqa: S704
        low_high = f"{measure(found['low'])} to {measure(found['high'])}"
    values = [each["value"] if each["estimate"] is None else each["estimate"] for each in row["percentiles"]]
    return Branch(
        row["group"],
        row,
        pings_address(row["group"]),
        measure(row["mean"]),
        low_high,
        picture,
        [measure(value) for value in values],
    )
