"""Holds the metrics and events of a Glean ping against the definitions of its application."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from telemetry_server.probes.fields import shown
from telemetry_server.probes.glean_file import EVENT, GleanMetric
from telemetry_server.probes.glean_registry import GleanRegistry
from telemetry_server.probes.marks import Kind, Mark, MarkName
from telemetry_server.probes.parts import object_of, value_of
from telemetry_server.probes.versions import is_expired

ALL_PINGS = "all-pings"
# Glean puts these into every event.
OWN_EXTRA_KEYS = frozenset({"glean_timestamp"})
# The label of every label that is not listed or past the limit.
OTHER_LABEL = "__other__"
LABELED, DUAL_LABELED = "labeled_", "dual_labeled_"
DISTRIBUTION = "_distribution"


def _is_whole(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_distribution(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("values"), dict)


def _is_rate(value: Any) -> bool:
    parts = ("numerator", "denominator")
    return isinstance(value, dict) and all(_is_whole(value.get(part)) for part in parts)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_FITS: Mapping[str, Callable[[Any], bool]] = {
    "counter": _is_whole,
    "quantity": _is_whole,
    "boolean": lambda value: isinstance(value, bool),
    **dict.fromkeys(("string", "text", "url", "uuid", "datetime"), _is_text),
    "string_list": lambda value: isinstance(value, list) and all(map(_is_text, value)),
    "timespan": lambda value: isinstance(value, dict) and _is_whole(value.get("value")),
    **dict.fromkeys(("timing_distribution", "memory_distribution", "custom_distribution"), _is_distribution),
    "rate": _is_rate,
}
"""Whether a value fits a type; types that are not here take any value."""


@dataclass(frozen=True, slots=True)
class PingFacts:
    """Facts of a Glean ping on which its checks depend."""

    name: str  # its doctype
    version: str  # of the application; empty if unknown
    day: str  # YYYY-MM-DD: of the build, or of the arrival if the build's is unknown


def is_glean(ping: dict[str, Any]) -> bool:
    """Whether a ping has the form of Glean."""
    return bool(object_of(dict.get(ping, "ping_info")))


def facts_of(ping: dict[str, Any], name: str, arrival: str) -> PingFacts:
    """Return the facts of a Glean *ping*; *arrival* is a time in ISO 8601."""
    client = object_of(dict.get(ping, "client_info"))
    version, built = client.get("app_display_version"), client.get("build_date")
    day = built if isinstance(built, str) and len(built) >= 10 else arrival
    return PingFacts(name, version if isinstance(version, str) else "", day[:10])


def glean_marks(ping: dict[str, Any], registry: GleanRegistry | None, facts: PingFacts) -> Iterator[Mark]:
    """Yield the marks of the metrics and events of *ping*."""
    has_values = False
    for kind, name, value in _metrics_in(ping):
        has_values = True
        if registry is not None and not registry.is_internal(name):
            table = Kind.HISTOGRAM if kind.endswith(DISTRIBUTION) else Kind.SCALAR
            for mark in _metric_marks(registry.metric(name), kind, name, value, facts):
                yield mark._replace(kind=table)
    for event in _events_in(ping):
        has_values = True
        if registry is not None:
            for mark in _event_marks(registry, event, facts):
                yield mark._replace(kind=Kind.EVENT)
    if has_values and registry is None:
        yield Mark(MarkName.NO_DEFINITIONS, "the definitions of its application were not imported")


def glean_metrics_seen(ping: dict[str, Any]) -> Iterator[str]:
    """Yield the name of every metric and event of *ping*."""
    for _, name, _ in _metrics_in(ping):
        yield name
    for event in _events_in(ping):
        yield _event_name(event)


def _metrics_in(ping: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield type, name and value of each metric."""
    for kind, named in object_of(dict.get(ping, "metrics")).items():
        for name, value in object_of(named).items():
            yield kind, name, value


def _events_in(ping: dict[str, Any]) -> Iterator[dict[str, Any]]:
    events = value_of(dict.get(ping, "events"))
    for event in events if isinstance(events, list) else ():
        if isinstance(event, dict):
            yield event


def _event_name(event: Mapping[str, Any]) -> str:
    return f"{event.get('category')}.{event.get('name')}"


def _metric_marks(
    metric: GleanMetric | None, kind: str, name: str, value: Any, facts: PingFacts
) -> Iterator[Mark]:
    def mark(mark_name: MarkName, detail: str, label: str | None = None) -> Mark:
        return Mark(mark_name, detail, name, "", label)

    if metric is None:
        yield mark(MarkName.UNKNOWN_METRIC, f"{shown(name)} is not defined")
        return
    yield from _faults(metric, name, facts)
    if kind != metric.kind:
        differs_in_labels = _plain(kind) == _plain(metric.kind)
        mark_name = MarkName.KEYED_MISMATCH if differs_in_labels else MarkName.WRONG_KIND
        yield mark(mark_name, f"it is a {metric.kind}, and was sent as {shown(kind)}")
        return
    values = _values_of(kind, value)
    fits = _FITS.get(_plain(kind))
    if values is None or (fits is not None and not all(map(fits, values))):
        yield mark(MarkName.WRONG_KIND, f"{shown(value)} is not a {metric.kind}")
        return
    if kind.startswith(LABELED) and metric.labels:
        for label in value:
            if label not in metric.labels and label != OTHER_LABEL:
                yield mark(MarkName.KEY_NOT_ALLOWED, f"the label {shown(label)} is not on its list", label)


def _event_marks(registry: GleanRegistry, event: Mapping[str, Any], facts: PingFacts) -> Iterator[Mark]:
    name = _event_name(event)
    if registry.is_internal(name):
        return
    metric = registry.metric(name)
    if metric is None:
        yield Mark(MarkName.UNKNOWN_METRIC, f"{shown(name)} is not defined", name, "")
        return
    yield from _faults(metric, name, facts)
    if metric.kind != EVENT:
        yield Mark(MarkName.WRONG_KIND, f"it is a {metric.kind}, and was sent as an event", name, "")
        return
    extra = event.get("extra")
    for key, value in extra.items() if isinstance(extra, dict) else ():
        if key not in metric.extra_keys and key not in OWN_EXTRA_KEYS:
            yield Mark(MarkName.EXTRA_KEY_UNKNOWN, f"the extra key {shown(key)} is not defined", name, "")
        if not isinstance(value, str):
            yield Mark(MarkName.EXTRA_NOT_STRING, f"the extra {shown(key)} is not a string", name, "")


def _faults(metric: GleanMetric, name: str, facts: PingFacts) -> Iterator[Mark]:
    """Yield what is wrong with any value of *metric* in this ping."""
    if not is_sent_in(metric, facts.name):
        detail = f"it is sent in {', '.join(metric.pings)}, the ping is {facts.name}"
        yield Mark(MarkName.WRONG_STORE, detail, name, "")
    expired = is_expired_in(metric, facts)
    if expired:
        now = facts.version if metric.expires_by_version else facts.day
        detail = f"it expires in {metric.expires}, the application is of {now}"
        yield Mark(MarkName.EXPIRED_METRIC, detail, name, "")
    elif expired is None:
        detail = f"it expires in {metric.expires}, and the version {facts.version!r} cannot be compared"
        yield Mark(MarkName.EXPIRY_UNKNOWN, detail, name, "")


def is_sent_in(metric: GleanMetric, ping_name: str) -> bool:
    """Whether a metric is sent in the ping *ping_name*."""
    return ping_name in metric.pings or ALL_PINGS in metric.pings


def is_expired_in(metric: GleanMetric, facts: PingFacts) -> bool | None:
    """Whether a metric is not recorded any more; None if the versions cannot be compared."""
    if metric.expires_by_version:
        return is_expired(metric.expires, facts.version)
    return metric.expires == "expired" or (metric.expires != "never" and metric.expires <= facts.day)


def _values_of(kind: str, value: Any) -> list[Any] | None:
    """Return the values of all labels; None if *value* has not the form of its labels."""
    depth = 2 if kind.startswith(DUAL_LABELED) else 1 if kind.startswith(LABELED) else 0
    values = [value]
    for _ in range(depth):
        if not all(isinstance(each, dict) for each in values):
            return None
        values = [inner for each in values for inner in each.values()]
    return values


def _plain(kind: str) -> str:
    """Return the type of the values of a labeled type."""
    return kind.removeprefix(DUAL_LABELED).removeprefix(LABELED)
