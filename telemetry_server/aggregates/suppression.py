"""Finds small groups that follow by subtraction from what one answer shows."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace

from telemetry_server.aggregates.dimensions import Dimensions
from telemetry_server.aggregates.newest_shape import newest_shape
from telemetry_server.aggregates.query import PING, HistogramQuery, Selection
from telemetry_server.aggregates.reader import Reader
from telemetry_server.aggregates.stored_sums import StoredSums
from telemetry_server.aggregates.sums import Sums, total_of

IN_BOTH, IN_ROW, IN_COMPARED = "both", "row", "compared"
SEPARATOR = "\x1f"

Part = tuple[str, str]
"""Where pings are (one of the three words), and the shown row that they are in, or an empty text."""


def is_small(sums: Sums, suppress_below: int) -> bool:
    """Return whether *sums* are of too few clients to be shown."""
    return suppress_below > 1 and sums.clients_at_least < suppress_below


def hidden_from_total(reader: Reader, query: HistogramQuery) -> dict[str, Sums]:
    """
    Return the groups that a total must leave out.

    The total minus the groups that may be shown would be these: too few clients, even together.
    """
    if reader.suppress_below <= 1 or not query.is_total or query.by == "branch":
        return {}
    found = reader.sums(replace(query, is_total=False))
    newest = newest_shape(found, reader.shapes)
    groups: dict[str, Sums] = defaultdict(Sums)
    for (group, _, shape), sums in found.sums.items():
        if sums.instances and (query.merges or shape == newest):
            groups[group].add(sums)
    small = {group: sums for group, sums in groups.items() if is_small(sums, reader.suppress_below)}
    return small if is_small(total_of(small.values()), reader.suppress_below) else {}


def reveals_small_group(
    reader: Reader,
    query: HistogramQuery,
    compared: HistogramQuery,
    shown: Collection[str],
    shape: str | None,
) -> bool:
    """
    Return whether a group that is too small follows from rows and the histogram that is compared with them.

    The difference of the two may be such a group.

    Args:
        shown: The groups of the rows that are shown.
        shape: The shape of both; None if several were added, or if they differ.
    """
    if reader.suppress_below <= 1:
        return False
    if query.by == "branch":
        return True  # the dimensions do not say which pings are in a branch
    asked = query.selection
    for metric, selection in (
        (query.metric, Selection(processes=asked.processes, label=asked.label)),
        (PING, Selection()),
    ):
        parts: dict[Part, Sums] = defaultdict(Sums)
        sums = StoredSums(metric, selection, _part_finder(query, compared, shown)).of_days(reader.days).sums
        for (group, _, of_shape), found in sums.items():
            if metric == PING or shape in (None, of_shape):
                place, _, row = group.partition(SEPARATOR)
                parts[place, row].add(found)
        if any(each.instances and is_small(each, reader.suppress_below) for each in _differences(parts)):
            return True
    return False


def _part_finder(
    query: HistogramQuery, compared: HistogramQuery, shown: Collection[str]
) -> Callable[[Dimensions, str], str | None]:
    def part_of(dimensions: Dimensions, day: str) -> str | None:
        row = query.group_of(dimensions, day) if query.selection.wants(dimensions) else None
        is_compared = compared.selection.wants(dimensions) and compared.group_of(dimensions, day) is not None
        if row in shown:
            return f"{IN_BOTH if is_compared else IN_ROW}{SEPARATOR}{row}"
        return f"{IN_COMPARED}{SEPARATOR}" if is_compared else None

    return part_of


def _differences(parts: Mapping[Part, Sums]) -> Iterator[Sums]:
    """Yield the least groups that are the difference of the compared histogram and rows, either way."""
    overlapping = {row for place, row in parts if place == IN_BOTH}
    partly = {row for row in overlapping if (IN_ROW, row) in parts}
    yield total_of(
        each
        for (place, row), each in parts.items()
        if place == IN_COMPARED or (place == IN_BOTH and row in partly)
    )
    if not any(place == IN_COMPARED for place, _ in parts):
        yield total_of(parts[IN_ROW, row] for row in partly)
