"""The definitions of a probe as its page shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from telemetry_server.reports.web.templates import plain_text

UNITS = {"_MS": "ms", "_US": "µs", "_NS": "ns", "_S": "s", "_KB": "KiB", "_MB": "MiB", "_BYTES": "bytes"}
MAX_REVISIONS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class DefinitionLine:
    """One distinct definition."""

    words: str  # kind and buckets
    seen: str  # in which builds or days
    revisions: Sequence[str]
    more_revisions: int
    file: str
    line: int | None
    url: str | None
    text: str


def facts_of(probe: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what the head of the page says of a probe: names and values."""
    definitions = probe["definitions"]
    facts = [("Kind", probe["kind"])]
    if not definitions:
        return [*facts, ("Definition", "none: pings have it, and no definition in the cache names it")]
    newest = definitions[-1]
    own = newest["definition"]
    kind = f"{'keyed ' if newest['keyed'] else ''}{newest['kind'] or 'unusable'} {probe['kind']}"
    name = str(probe["name"])
    unit = str(own.get("unit") or next((unit for end, unit in UNITS.items() if name.endswith(end)), ""))
    owners = own.get("alert_emails") or own.get("owners") or own.get("notification_emails") or []
    expires = own.get("expires_in_version", own.get("expires", own.get("expiry_version")))
    stores = own.get("record_into_store") or own.get("stores") or own.get("send_in_pings") or []
    processes = own.get("record_in_processes") or own.get("processes") or []
    found = [
        ("Kind", kind + (f", {unit}" if unit else "")),
        ("Description", str(own.get("description") or "")),
        ("Owner", ", ".join(map(str, _listed(owners)))),
        ("Expires", "" if expires is None else str(expires)),
        ("Stores", ", ".join(map(str, _listed(stores)))),
        ("Processes", ", ".join(map(str, _listed(processes)))),
    ]
    return [(key, value) for key, value in found if value]


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def definition_lines(
    probe: Mapping[str, Any], shapes: Sequence[Mapping[str, Any]], by: str
) -> list[DefinitionLine]:
    """
    Return the distinct definitions, the one of the newest data first.

    Args:
        shapes: Of the data, with the first and last group that has each.
        by: ``build`` or ``day``.
    """
    lines = []
    for definition in probe["definitions"]:
        own = [shape for shape in shapes if shape["shape"] in definition["shapes"]]
        source = definition["source"] or {}
        revisions = definition["revisions"]
        line = DefinitionLine(
            words=_words(definition),
            seen=_seen(own, by),
            revisions=[plain_text(each) for each in revisions[-MAX_REVISIONS_SHOWN:]],
            more_revisions=max(0, len(revisions) - MAX_REVISIONS_SHOWN),
            file=source.get("file", ""),
            line=source.get("line"),
            url=source.get("url"),
            text=source.get("text", ""),
        )
        lines.append((max((shape["last"] for shape in own), default=""), line))
    return [line for _, line in sorted(lines, key=lambda each: each[0], reverse=True)]


def _words(definition: Mapping[str, Any]) -> str:
    starts = definition["bucket_starts"]
    words = f"{'keyed ' if definition['keyed'] else ''}{definition['kind'] or 'unusable'}"
    if not starts:
        return words
    low = starts[min(1, len(starts) - 1)]
    return f"{words}, {len(starts):,} buckets, low {low:,}, high {starts[-1]:,}"


def _seen(shapes: Sequence[Mapping[str, Any]], by: str) -> str:
    if not shapes:
        return "not seen"
    first, last = min(shape["first"] for shape in shapes), max(shape["last"] for shape in shapes)
    return f"{by}s {first} to {last}" if first != last else f"{by} {first}"
