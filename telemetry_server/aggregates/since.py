"""Why an answer of an earlier day differs from that of today."""

from dataclasses import replace
from datetime import timedelta

from storage.aggregates.changes import read_changes
from telemetry_server.aggregates.dimensions import day_of
from telemetry_server.aggregates.query import HistogramQuery
from telemetry_server.aggregates.reader import Reader
from telemetry_server.aggregates.sums import total_of
from telemetry_server.aggregates.suppression import is_small


def changes_since(reader: Reader, query: HistogramQuery) -> dict[str, int | None]:
    """
    Return pings that came, were stored or were deleted after the last day of *reader*.

    ``late`` are those of the question that came later; null if they are of too few clients.  ``added`` and
    ``deleted`` are pings of all kinds, of the days up to then; null if that was not noted, or if few.
    """
    later = replace(reader, through="", after=reader.through).sums(query)
    late = total_of(sums for sums in later.sums.values() if sums.instances)
    is_hidden = late.instances and is_small(late, reader.suppress_below)
    added, deleted = _stored_later(reader)
    return {
        "late": None if is_hidden else late.pings,
        "added": _enough(added, reader.suppress_below),
        "deleted": _enough(deleted, reader.suppress_below),
    }


def _enough(pings: int | None, suppress_below: int) -> int | None:
    """Return *pings*, of which no clients are known, unless they are fewer than clients have to be."""
    return None if pings and pings < suppress_below else pings


def _stored_later(reader: Reader) -> tuple[int | None, int | None]:
    known, last = read_changes(reader.root), day_of(reader.through)
    if known is None or last is None:
        return None, None
    end = f"{last + timedelta(days=1):%Y-%m-%d}T00:00:00Z"
    if known.since > end:
        return None, None
    changes = [each for each in known.changes if each.at >= end and each.day <= reader.through]
    return (
        sum(max(0, each.after - each.before) for each in changes),
        sum(max(0, each.before - each.after) for each in changes),
    )
