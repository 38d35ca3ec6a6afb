"""The dimensions of aggregates: what of a ping its measurements are counted by."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from telemetry_server.pings.source_tags import is_automation

UNKNOWN = "UNKNOWN"
OTHER = "OTHER"
MAX_VALUES = 1000
# Builds outside of this window around their arrival are left out of default views.
MAX_BUILD_AHEAD = timedelta(days=3)
MAX_BUILD_AGE = timedelta(days=365)

PING_TEXTS = (
    *("build_id", "channel", "version", "application", "os", "os_version", "architecture", "doctype"),
    "source_tags",
)


class Dimensions(NamedTuple):
    """
    Values by which a ping is counted; `UNKNOWN` where it has none.

    The country is that of counts of pings and clients alone: measurements by country would be many cells.
    """

    build_date: str  # YYYYMMDD, or "" where the build id does not begin with a date
    channel: str
    version: str  # the major one
    application: str
    os: str
    os_version: str
    architecture: str
    doctype: str
    is_automation: bool
    country: str = UNKNOWN


FILTERS = ("channel", "version", "application", "os", "os_version", "architecture", "doctype")


def dimensions_of(texts: Sequence[str | None]) -> Dimensions:
    """Return the dimensions of a ping with these `PING_TEXTS`, and its country behind them if that counts."""
    build_id, channel, version, application, os_name, os_version, architecture, doctype, tags, *more = texts
    return Dimensions(
        build_date=build_date_of(build_id),
        channel=channel or UNKNOWN,
        version=(version or "").partition(".")[0] or UNKNOWN,
        application=application or UNKNOWN,
        os=os_name or UNKNOWN,
        os_version=os_version or UNKNOWN,
        architecture=architecture or UNKNOWN,
        doctype=doctype or UNKNOWN,
        is_automation=is_automation(tags),
        country=(more[0] if more else None) or UNKNOWN,
    )


def build_date_of(build_id: str | None) -> str:
    """Return the day that a build id begins with, or an empty text."""
    text = (build_id or "")[:8]
    return text if day_of(text) is not None else ""


def day_of(text: str) -> date | None:
    """Return the day that ``YYYYMMDD`` names; None where it names none."""
    if len(text) != 8 or not text.isascii() or not text.isdigit():
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def is_implausible(build_date: str, day: str) -> bool:
    """Return whether a build is dated too far from the *day* on which its ping came."""
    built, came = day_of(build_date), day_of(day)
    if built is None or came is None:
        return False
    return built - came > MAX_BUILD_AHEAD or came - built > MAX_BUILD_AGE


def kept_values(
    dimensions: Iterable[Dimensions], pings: Callable[[], Iterable[tuple[Dimensions, int]]]
) -> dict[str, frozenset[str]]:
    """
    Return the most frequent `MAX_VALUES` values of each field that has more.

    Args:
        pings: Returns how many pings there are of dimensions; called where a field has too many values.
    """
    kept = {}
    for place, (name, column) in enumerate(
        zip(Dimensions._fields, zip(*dimensions, strict=True), strict=False)
    ):
        if name == "is_automation":
            continue
        values = set(column)
        if len(values) <= MAX_VALUES:
            continue
        counted = Counter(dict.fromkeys(values, 0))
        for each, count in pings():
            counted[each[place]] += count
        found = sorted(counted.items(), key=lambda each: (-each[1], each[0]))[:MAX_VALUES]
        kept[name] = frozenset(str(value) for value, _ in found)
    return kept


def capped(dimensions: Dimensions, kept: Mapping[str, frozenset[str]]) -> Dimensions:
    """Return *dimensions*, with `OTHER` for values that are not among the *kept* ones of their field."""
    rare = {name: OTHER for name, values in kept.items() if getattr(dimensions, name) not in values}
    return dimensions._replace(**rare) if rare else dimensions  # type: ignore[arg-type]
