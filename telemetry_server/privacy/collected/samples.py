"""What a ping of a doctype looks like: an example, made by the generator or from its definitions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from telemetry_server.convert.rules.rules import Facts, Rules
from telemetry_server.generator.definitions import Definitions
from telemetry_server.generator.payloads import Layout, draft, uuid_of
from telemetry_server.generator.schema_samples import MOMENT, sample_of_schema
from telemetry_server.probes.identity import remove_identities
from telemetry_server.probes.stores import TELEMETRY, Stores

CLASSIC = ("idle-daily", "saved-session")
UNIFIED = ("main", "first-shutdown")
MAX_HISTOGRAMS, MAX_KEYED = 3, 1
MAX_ITEMS = 2
MAX_GLEAN_METRICS = 12
MORE = "…"

GENERATED, OF_SCHEMA, OF_GLEAN = "generator", "schema", "definitions"


@dataclass(frozen=True, slots=True)
class Sample:
    """An example of a ping, and what it was made of."""

    ping: Mapping[str, Any]
    made_of: str


@dataclass(frozen=True, slots=True)
class GleanFacts:
    """What is defined of one ping of a Glean application."""

    metrics: tuple[tuple[str, str], ...]  # name and type of those that it may hold
    has_client_id: bool


def sample_of(
    namespace: str,
    doctype: str,
    definitions: Definitions,
    *,
    schema: Mapping[str, Any] | None = None,
    glean: GleanFacts | None = None,
) -> Sample | None:
    """Return an example of a doctype; None where nothing says what its pings hold."""
    chance = Random(f"{namespace}/{doctype}")
    if namespace == TELEMETRY and doctype in (*CLASSIC, *UNIFIED):
        return Sample(_generated(doctype, definitions, chance), GENERATED)
    if glean is not None:
        return Sample(_glean(glean, chance), OF_GLEAN)
    if schema is not None:
        found = sample_of_schema(schema, chance)
        if isinstance(found, dict) and found:
            return Sample(found, OF_SCHEMA)
    return None


def _generated(doctype: str, definitions: Definitions, chance: Random) -> dict[str, Any]:
    few = replace(definitions, plain=definitions.plain[:MAX_HISTOGRAMS], keyed=definitions.keyed[:MAX_KEYED])
    layout = Layout.CLASSIC if doctype in CLASSIC else Layout.UNIFIED
    ping = draft(chance, few, layout).payload
    if layout is Layout.CLASSIC:
        ping["info"] = ping["info"] | {"reason": doctype}
    else:
        ping["type"] = doctype
    return ping


_VALUES: Mapping[str, Any] = {
    "counter": 3,
    "quantity": 42,
    "boolean": True,
    "string": "text",
    "text": "text",
    "string_list": ["text"],
    "url": "https://example.org/",
    "datetime": MOMENT,
    "timespan": {"time_unit": "millisecond", "value": 120},
    "timing_distribution": {"sum": 8_000_000, "values": {"4194304": 1, "4573800": 0}},
    "memory_distribution": {"sum": 1_048_576, "values": {"1048576": 1}},
    "custom_distribution": {"sum": 7, "values": {"5": 1}},
    "labeled_counter": {"label": 1},
    "labeled_boolean": {"label": True},
    "labeled_string": {"label": "text"},
    "rate": {"numerator": 1, "denominator": 4},
}


def _glean(facts: GleanFacts, chance: Random) -> dict[str, Any]:
    """Return a ping of Glean, after the form of its schema version 1."""
    client = {"client_id": uuid_of(chance)} if facts.has_client_id else {}
    metrics: dict[str, dict[str, Any]] = {}
    for name, kind in facts.metrics[:MAX_GLEAN_METRICS]:
        if kind in ("uuid", *_VALUES):
            metrics.setdefault(kind, {})[name] = uuid_of(chance) if kind == "uuid" else _VALUES[kind]
    events = [
        {"timestamp": 0, "category": name.rpartition(".")[0], "name": name.rpartition(".")[2]}
        for name, kind in facts.metrics[:MAX_GLEAN_METRICS]
        if kind == "event"
    ]
    ping: dict[str, Any] = {
        "client_info": {
            **client,
            "app_build": "2026112701",
            "app_display_version": "1.2.0",
            "app_channel": "release",
            "architecture": "x86_64",
            "first_run_date": "2026-11-01+00:00",
            "os": "Linux",
            "os_version": "6.1",
            "telemetry_sdk_build": "65.0.0",
        },
        "ping_info": {"seq": 7, "start_time": MOMENT, "end_time": MOMENT},
    }
    return ping | ({"metrics": metrics} if metrics else {}) | ({"events": events} if events else {})


def as_stored(
    sample: Sample, namespace: str, doctype: str, rules: Rules | None, stores: Stores
) -> Mapping[str, Any]:
    """Return the example after the operator's rules, and without identities where its store is anonymous."""
    ping = dict(sample.ping)
    if stores.is_anonymous(namespace, doctype):
        remove_identities(ping)
    if rules is not None:
        facts = _facts_of(ping, namespace, doctype)
        rules.apply(facts, ping, {}).coarsening.change(ping)
    return ping


def _facts_of(ping: Mapping[str, Any], namespace: str, doctype: str) -> Facts:
    described: Mapping[str, Any] = next(
        (ping[name] for name in ("application", "info", "client_info") if isinstance(ping.get(name), dict)),
        {},
    )

    def first(*names: str) -> str | None:
        return next((str(described[name]) for name in names if name in described), None)

    return Facts(
        namespace=namespace,
        doctype=doctype,
        docversion=str(ping.get("version", ping.get("ver", "1"))),
        app=first("name", "appName"),
        version=first("version", "appVersion", "app_display_version"),
        channel=first("channel", "appUpdateChannel", "app_channel"),
        build=first("buildId", "appBuildID", "app_build"),
    )


def shortened(value: Any) -> Any:
    """Return *value* with long lists and objects of numbers cut, for people to read."""
    if isinstance(value, dict):
        return dict(_shortened_members(value.items()))
    if isinstance(value, list):
        cut = [shortened(each) for each in value[:MAX_ITEMS]]
        return [*cut, MORE] if len(value) > MAX_ITEMS else cut
    return value


def _shortened_members(members: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, Any]]:
    for place, (name, value) in enumerate(members):
        if place >= MAX_GLEAN_METRICS * 2:
            yield MORE, MORE
            return
        yield name, shortened(value)
