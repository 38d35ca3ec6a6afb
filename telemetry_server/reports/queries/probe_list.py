"""The list of probes: searched, sorted, and cut to a page; with what came for each in the last days."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from telemetry_server.aggregates.query import PING
from telemetry_server.aggregates.reader import Reader
from telemetry_server.aggregates.recent_counts import (
    NONE,
    RecentCounts,
    metrics_seen,
    recent_counts,
    recent_days,
)
from telemetry_server.aggregates.stored_sums import DaySums, dimensions_of_day
from telemetry_server.probes.versions import is_expired
from telemetry_server.reports.queries.aggregates import reader_of
from telemetry_server.reports.queries.probes import all_items, metric_of
from telemetry_server.reports.queries.source import Source

UNDEFINED = "undefined"
"""The kind of a metric that pings have and no definition in the cache names."""
MIN_SHARE_OF_PINGS = 0.01  # a version that fewer have says nothing about what has expired
_Item = dict[str, Any]


def probes_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Return ``items``, a page of the probes that are asked for, and counts of all.

    ``total`` counts those that match; ``expired`` those that match but for their expiry.  Each item has the
    samples of the ``days`` (the newest seven without bounds) and its distinct clients.
    """
    reader = reader_of(source, is_public=arguments["is_public"])
    days = recent_days(reader, arguments["first"], arguments["last"])
    items = all_items(source)
    if arguments["state"]:
        items = {**items, **_undefined(items, _may_be_named(reader, days))}
    version = newest_version(days)
    found, expired = _chosen(items, arguments, version)
    sort = arguments["sort"]
    counts: Mapping[str, RecentCounts] = {}
    if sort != "name":
        seen = metrics_seen(days)
        counts = recent_counts(reader, days, [item["metric"] for item in found if item["metric"] in seen])
        order = {"samples": "samples", "clients": "clients_at_least"}[sort]
        found.sort(key=lambda item: -getattr(counts.get(item["metric"], NONE), order))
    start = arguments["offset"]
    page = found[start : start + arguments["limit"]]
    if sort == "name":
        counts = recent_counts(reader, days, [item["metric"] for item in page if item["metric"]])
    return {
        "items": [
            _with_counts(item, counts, len(days), hides_few=reader.suppress_below > 1) for item in page
        ],
        "total": len(found),
        "expired": expired,
        "kinds": sorted({item["kind"] for item in items.values()}),
        "stores": sorted({store for item in items.values() for store in item["stores"]}),
        "days": [day.table.day for day in days],
        "version": version,
        "suppress_below": reader.suppress_below,
        "as_of": reader.as_of,
    }


def _may_be_named(reader: Reader, days: Sequence[DaySums]) -> set[str]:
    """Return the metrics that *days* have; a name of a few clients may say who they are."""
    seen = metrics_seen(days)
    return seen if reader.suppress_below <= 1 else set(recent_counts(reader, days, seen))


def _undefined(items: Mapping[str, _Item], seen: set[str]) -> dict[str, _Item]:
    known = {metric_of(item["kind"], name) for name, item in items.items()}
    return {
        metric: {
            "name": metric,
            "kind": UNDEFINED,
            "histogram_kind": None,
            "keyed": None,
            "expires": None,
            "owners": [],
            "stores": [],
            "revisions": 0,
            "last_revision": None,
        }
        for metric in seen - known
        if metric != PING
    }


def _chosen(
    items: Mapping[str, _Item], arguments: Mapping[str, Any], version: str
) -> tuple[list[_Item], int]:
    """Return the wanted items by name, and how many more match that have another state of expiry."""
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    q, owner = arguments["q"].casefold(), arguments["owner"].casefold()
    found, expired = [], 0
    for name in sorted(items):
        item = items[name]
        if (
            (q and q not in name.casefold())
            or (arguments["kind"] and arguments["kind"] != item["kind"])
            or (arguments["store"] and arguments["store"] not in item["stores"])
            or (owner and not any(owner in each.casefold() for each in item["owners"]))
        ):
            continue
        metric = metric_of(item["kind"], name)
        if any(fnmatchcase(metric or name, pattern) for pattern in arguments["hidden"]):
            continue
        is_over = has_expired(item["expires"], version, today)
        expired += is_over
        if arguments["state"] in ("", "all") or is_over == (arguments["state"] == "expired"):
            found.append({**item, "metric": metric, "is_expired": is_over})
    return found, expired


def has_expired(expires: str | None, version: str, today: str) -> bool:
    """Return whether a probe that *expires* then has expired: by date, or by the newest *version*."""
    if not expires or expires == "never":
        return False
    if expires == "expired":
        return True
    if len(expires) == len("2026-11-27") and expires[4] == expires[7] == "-":
        return expires <= today
    return bool(version) and is_expired(expires, version) is True


def newest_version(days: Sequence[DaySums]) -> str:
    """Return the newest version that some share of the pings of the last day have; empty without any."""
    pings: dict[str, int] = {}
    for day in days[-1:]:
        for summary, dimensions in zip(day.summaries, dimensions_of_day(day), strict=True):
            for block in summary.blocks(PING):
                for number, count in zip(block.columns["dimensions"], block.columns["pings"], strict=True):
                    version = dimensions[number].version
                    pings[version] = pings.get(version, 0) + count
    least = sum(pings.values()) * MIN_SHARE_OF_PINGS
    numbers = [
        int(version)
        for version, count in pings.items()
        if count >= least and version.isascii() and version.isdigit() and len(version) <= 4
    ]
    return str(max(numbers)) if numbers else ""


def _with_counts(item: _Item, counts: Mapping[str, RecentCounts], days: int, *, hides_few: bool) -> _Item:
    found = counts.get(item["metric"])
    if found is None and item["metric"] and not hides_few:
        found = NONE
    if found is None:
        return {**item, "samples": None, "clients": None, "samples_by_day": []}
    by_day = list(found.by_day) if found.samples else [0] * days
    counted = {"samples": found.samples, "clients": found.clients, "samples_by_day": by_day}
    if found.clients is None:
        counted["clients_at_least"] = found.clients_at_least
    return {**item, **counted}
