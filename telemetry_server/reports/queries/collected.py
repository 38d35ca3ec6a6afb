"""The answer of ``/collected``: what is collected, why, how long it is kept, and of how many clients."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from telemetry_server.aggregates.query import PING, Selection
from telemetry_server.aggregates.reader import Reader
from telemetry_server.aggregates.recent_counts import metrics_seen, recent_counts, recent_days
from telemetry_server.aggregates.stored_sums import DaySums, StoredSums
from telemetry_server.aggregates.summary_sums import VIEWS
from telemetry_server.aggregates.sums import Sums
from telemetry_server.generator.definitions import Definitions, definitions_of, shipped_definitions
from telemetry_server.privacy.collected.doctypes import FUEL, description_of, policy_of, treatment_of
from telemetry_server.privacy.collected.samples import GleanFacts, as_stored, sample_of, shortened
from telemetry_server.probes.glean_registry import FOLDER, GleanApplications, GleanRegistry
from telemetry_server.probes.stores import TELEMETRY
from telemetry_server.reports.queries.aggregates import reader_of
from telemetry_server.reports.queries.collected_probes import (
    GECKO,
    Probe,
    by_text,
    collected_probes,
    newest_definitions,
)
from telemetry_server.reports.queries.collected_schemas import RegisteredSchema, schemas_of
from telemetry_server.reports.queries.probe_list import has_expired, newest_version
from telemetry_server.reports.queries.source import Source

SEPARATOR = "\x1f"
Doctype = tuple[str, str]
"""Namespace and doctype."""


def collected_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Return ``doctypes``, ``probes`` (a page of them), ``total``, ``applications``, ``kept`` and more.

    Clients are distinct ones of the last days with data, ``days``; null where these are too few to be shown.
    """
    reader = reader_of(source, is_public=arguments["is_public"])
    days = recent_days(reader, "", "")
    found = _doctypes(source, reader, days)
    wanted = arguments["application"]
    doctypes = [each for each in found if not wanted or wanted in each["applications"]]
    probes = _probes(source, reader, days, arguments)
    start = arguments["offset"]
    page = probes[start : start + arguments["limit"]]
    return {
        "as_of": reader.as_of,
        "days": [day.table.day for day in days],
        "suppress_below": reader.suppress_below,
        "kept": source.setup.kept.as_json(),
        "applications": sorted({name for each in found for name in each["applications"]}),
        "doctypes": doctypes,
        "fuel": [] if source.setup.fuel is None or wanted else list(_fuel_documents()),
        "probes": _with_clients(page, reader, days),
        "total": len(probes),
    }


def _doctypes(source: Source, reader: Reader, days: Sequence[DaySums]) -> list[dict[str, Any]]:
    setup = source.setup.conversion
    with source.ledger() as ledger:
        stored = ledger.stored_doctypes()
    sums = _sums_by_doctype(days)
    schemas = schemas_of(setup.schemas_dir)
    applications = GleanApplications(source.setup.specs / FOLDER)
    definitions = _definitions(newest_definitions(source))
    return [
        {
            "namespace": namespace,
            "doctype": doctype,
            **_described(
                (namespace, doctype),
                schemas.get((namespace, doctype)),
                None if namespace == TELEMETRY else applications.registry_of(namespace),
                definitions,
                source,
            ),
            **policy_of(namespace, doctype, setup.stores),
            **treatment_of(namespace, doctype, setup.rules, setup.stores),
            **_clients_of((namespace, doctype), sums, reader.suppress_below, stored),
        }
        for namespace, doctype in stored
    ]


def _fuel_documents() -> Iterator[dict[str, str]]:
    for doctype, description in FUEL.items():
        yield {"doctype": doctype, "description": description}


def _described(
    key: Doctype,
    schema: RegisteredSchema | None,
    registry: GleanRegistry | None,
    definitions: Definitions,
    source: Source,
) -> dict[str, Any]:
    """Return ``description``, ``is_registered`` and ``sample`` of a doctype."""
    namespace, doctype = key
    setup = source.setup.conversion
    ping = None if registry is None else registry.pings.get(doctype)
    facts = None if registry is None else _glean_facts(registry, doctype)
    made = sample_of(
        namespace, doctype, definitions, schema=None if schema is None else schema.document, glean=facts
    )
    sample = None
    if made is not None:
        stored = as_stored(made, namespace, doctype, setup.rules, setup.stores)
        sample = {"made_of": made.made_of, "ping": shortened(stored)}
    return {
        "description": description_of(
            namespace,
            doctype,
            None if schema is None or schema.is_ours else schema.document,
            "" if ping is None else ping.description,
        ),
        "is_registered": schema is not None or registry is not None or namespace == TELEMETRY,
        "sample": sample,
    }


def _glean_facts(registry: GleanRegistry, doctype: str) -> GleanFacts:
    metrics = tuple((each.name, each.kind) for each in registry.definitions() if doctype in each.pings)
    ping = registry.pings.get(doctype)
    return GleanFacts(metrics, has_client_id=ping is None or ping.has_client_id)


@lru_cache(maxsize=2)
def _definitions(text: bytes | None) -> Definitions:
    return shipped_definitions() if text is None else definitions_of(text)


# -- clients


def _sums_by_doctype(days: Sequence[DaySums]) -> Mapping[tuple[str, str], Sums]:
    """Return the sums of pings by application and doctype, automation included."""
    asked = StoredSums(
        PING,
        Selection(),
        lambda dimensions, _day: f"{dimensions.application}{SEPARATOR}{dimensions.doctype}",
        leaves_out=VIEWS[1],
    )
    sums: dict[tuple[str, str], Sums] = {}
    for (group, _, _), found in asked.of_days(days).sums.items():
        application, _, doctype = group.partition(SEPARATOR)
        sums.setdefault((application, doctype), Sums()).add(found)
    return sums


def _clients_of(
    key: Doctype,
    sums: Mapping[tuple[str, str], Sums],
    suppress_below: int,
    stored: Sequence[Doctype],
) -> dict[str, Any]:
    """Return ``clients`` and ``applications`` of a doctype."""
    namespace, doctype = key
    others = {name for name, _ in stored if name != TELEMETRY}
    total = Sums()
    applications = set() if namespace == TELEMETRY else {namespace}
    for (application, of_doctype), found in sums.items():
        is_own = application not in others if namespace == TELEMETRY else application == namespace
        if of_doctype != doctype or not is_own:
            continue
        total.add(found)
        if found.clients_at_least >= suppress_below:
            applications.add(application)
    few = suppress_below > 1 and total.clients_at_least < suppress_below
    return {
        "clients": None if few else total.clients_at_least,
        "applications": sorted(applications),
    }


# -- probes


def _probes(
    source: Source, reader: Reader, days: Sequence[DaySums], arguments: dict[str, Any]
) -> list[Probe]:
    """Return the probes that are asked for and that may be sent: not expired, or seen in the last days."""
    wanted = arguments["application"]
    probes = collected_probes(source)
    if wanted:
        gleans = {probe["application"] for probe in probes}
        probes = [each for each in probes if each["application"] == (wanted if wanted in gleans else GECKO)]
    if arguments["q"]:
        probes = by_text(probes, arguments["q"])
    hidden = arguments["hidden"]
    seen, version = metrics_seen(days), newest_version(days)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    return [
        {**each, "is_expired": is_over}
        for each in probes
        if not any(fnmatchcase(each["metric"] or each["name"], pattern) for pattern in hidden)
        and (not (is_over := has_expired(each["expires"], version, today)) or each["metric"] in seen)
    ]


def _with_clients(page: Sequence[Probe], reader: Reader, days: Sequence[DaySums]) -> list[Probe]:
    """Return the probes with their clients; 0 for what was not sent."""
    seen = metrics_seen(days)
    counts = recent_counts(reader, days, {probe["metric"] for probe in page} & seen)
    return [
        {
            **probe,
            "clients": counts[probe["metric"]].clients
            if probe["metric"] in counts
            else None
            if probe["metric"] in seen or not probe["metric"]
            else 0,
        }
        for probe in page
    ]
