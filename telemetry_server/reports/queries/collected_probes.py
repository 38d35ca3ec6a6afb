"""Every probe with its description, of whatever kind: what the transparency page says of each."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.spec_file import SpecFile, load_definitions
from telemetry_server.probes.definition import FileKind
from telemetry_server.probes.glean_registry import FOLDER, GleanApplications
from telemetry_server.probes.registry import registry_of
from telemetry_server.reports.queries.probes import cache_in, loaded, metric_of, revisions_of
from telemetry_server.reports.queries.source import Source

Probe = dict[str, Any]
GECKO = ""
"""The application of probes that revisions define: Firefox and what is built from the same source."""


def collected_probes(source: Source) -> list[Probe]:
    """Return every defined probe by application and name, as the last revision that has it says."""
    cache = cache_in(str(source.setup.specs))
    applications = GleanApplications(source.setup.specs / FOLDER)
    return [*_gecko_probes(cache, tuple(revisions_of(cache))), *_glean_probes(applications)]


def newest_definitions(source: Source) -> bytes | None:
    """Return the text of the last Histograms.json in the cache that can be read; None without any."""
    cache = cache_in(str(source.setup.specs))
    for cached in reversed(revisions_of(cache)):
        spec_file = loaded(cache, cached)
        if spec_file is not None and spec_file.names:
            return spec_file.text
    return None


@lru_cache(maxsize=2)
def _gecko_probes(cache: RevisionCache, revisions: tuple[Any, ...]) -> tuple[Probe, ...]:
    found: dict[tuple[str, str], Probe] = {}
    for cached in reversed(revisions):
        spec_file = loaded(cache, cached)
        for probe in () if spec_file is None else _cached_probes(_Keyed(spec_file.digest, spec_file)):
            key = probe["kind"], probe["name"]
            if key not in found:
                found[key] = {**probe, "revision": str(cached.revision)}
    return tuple(sorted(found.values(), key=lambda probe: str(probe["name"])))


class _Keyed:
    """A file as a key of a cache: its digest says what is in it."""

    def __init__(self, digest: str, spec_file: SpecFile) -> None:
        self.digest = digest
        self.spec_file = spec_file

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Keyed) and self.digest == other.digest


@lru_cache(maxsize=64)
def _cached_probes(keyed: _Keyed) -> tuple[Probe, ...]:
    spec_file = keyed.spec_file
    registry, texts = registry_of(spec_file), load_definitions(spec_file.text)
    probes = []
    for name in spec_file.names:
        rule, text = registry.histograms.get(name), texts.get(name)
        described = text.get("description") if isinstance(text, dict) else None
        probes.append(_probe(name, FileKind.HISTOGRAM, described, rule))
    if registry.scalar_file is not None:
        for name, scalar in registry.scalar_file.scalars.items():
            probes.append(_probe(name, FileKind.SCALAR, scalar.description, scalar))
    if registry.event_file is not None:
        for name, event in registry.event_file.events.items():
            probes.append(_probe(name, FileKind.EVENT, event.description, event))
    for name in registry.use_counters:
        probes.append(_probe(name, FileKind.USE_COUNTER, "How many pages use this feature of the web.", None))
    return tuple(probes)


def _probe(name: str, kind: FileKind, description: object, definition: Any) -> Probe:
    """Return what is said of a probe; *definition* has owners, expiry and stores."""
    return {
        "name": name,
        "kind": kind.value,
        "application": GECKO,
        "description": " ".join(description.split()) if isinstance(description, str) else "",
        "owners": list(getattr(definition, "owners", ())),
        "expires": getattr(definition, "expires", None),
        "stores": list(getattr(definition, "stores", ())),
        "metric": metric_of(kind, name),
    }


def _glean_probes(applications: GleanApplications) -> Iterator[Probe]:
    for application, metric in applications.all_metrics():
        yield {
            "name": metric.name,
            "kind": FileKind.GLEAN.value,
            "application": application,
            "description": metric.description,
            "owners": list(metric.owners),
            "expires": metric.expires,
            "stores": list(metric.pings),
            "metric": "" if metric.kind == "event" else metric.name,
            "revision": f"{FOLDER}/{application}",
        }


def by_text(probes: list[Probe], text: str) -> list[Probe]:
    """Return the probes whose name or description has *text*, in any case."""
    wanted = text.casefold()
    return [
        probe
        for probe in probes
        if wanted in probe["name"].casefold() or wanted in probe["description"].casefold()
    ]
