"""Which names and values a list may hold: those of enough clients."""

from collections.abc import Callable, Iterable

from telemetry_server.aggregates.dimensions import Dimensions
from telemetry_server.aggregates.query import PING, Selection
from telemetry_server.aggregates.reader import Reader
from telemetry_server.aggregates.recent_counts import recent_counts
from telemetry_server.aggregates.stored_sums import StoredSums
from telemetry_server.aggregates.sums import Sums
from telemetry_server.aggregates.suppression import is_small


def shown_metrics(reader: Reader, metrics: Iterable[str]) -> set[str]:
    """Return those of *metrics* that enough clients sent."""
    names = set(metrics)
    return names if reader.suppress_below <= 1 else set(recent_counts(reader, reader.days, names))


def shown_values(
    reader: Reader, values: Iterable[str], value_of: Callable[[Dimensions], str | None]
) -> set[str]:
    """
    Return those of *values* whose pings are of enough clients.

    Args:
        value_of: The value of pings with some dimensions; None where these are not wanted.
    """
    names = set(values)
    if reader.suppress_below <= 1:
        return names
    asked = StoredSums(PING, Selection(), lambda dimensions, _day: value_of(dimensions))
    sums: dict[str, Sums] = {}
    for (value, _, _), found in asked.of_days(reader.days).sums.items():
        sums.setdefault(value, Sums()).add(found)
    return {name for name in names if name in sums and not is_small(sums[name], reader.suppress_below)}
