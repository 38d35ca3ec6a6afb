"""Definitions of any kind as ``specs show --kind`` and ``specs diff --kind`` print them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from histogram_specs.definition_files import DEPRECATED_OPERATIONS, EVENTS, SCALARS, USE_COUNTERS
from histogram_specs.spec_file import SpecFile
from histogram_specs.use_counters import UseCounters, parse_use_counters
from telemetry_server.probes.definition import Definition, EventDefinition, FileKind, ScalarDefinition
from telemetry_server.probes.errors import NotADefinitionFile
from telemetry_server.probes.event_file import EventFile, parse_events
from telemetry_server.probes.fields import Mode
from telemetry_server.probes.glean_file import GleanDefinitions, GleanMetric, parse_glean
from telemetry_server.probes.histogram_file import problems_of
from telemetry_server.probes.registry import registry_of
from telemetry_server.probes.scalar_file import ScalarFile, parse_scalars
from telemetry_server.probes.yaml_file import MAX_BYTES

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entries:
    """Definitions by name, and what is wrong with their file."""

    entries: Mapping[str, Entry]
    problems: tuple[str, ...] = ()  # one line each


def kind_of_file(path: Path) -> FileKind:
    """Return the kind of the definitions in a file, by its name."""
    name = path.name.lower()
    if name.endswith((".conf", ".h")):
        return FileKind.USE_COUNTER
    if name.endswith((".yaml", ".yml", ".yamlx")):
        if "scalars" in name:
            return FileKind.SCALAR
        return FileKind.EVENT if "events" in name else FileKind.GLEAN
    return FileKind.HISTOGRAM


def entries_of_file(path: Path, kind: FileKind, mode: Mode) -> Entries:
    """
    Read the definitions of a file that are not histograms.

    Raises:
        NotADefinitionFile: It cannot be read as such a file; the text names it.
    """
    if kind is FileKind.GLEAN:
        return glean_entries(parse_glean([path]))
    text = text_of(path)
    try:
        if kind is FileKind.SCALAR:
            return scalar_entries(parse_scalars(text, mode))
        if kind is FileKind.EVENT:
            return event_entries(parse_events(text, mode))
        if kind is FileKind.HISTOGRAM:
            return Entries({}, tuple(map(str, problems_of(text, mode))))
    except NotADefinitionFile as error:
        raise NotADefinitionFile(f"{path}: {error}") from None
    is_list = path.name.endswith(".h")
    found, problems = parse_use_counters(
        None if is_list else (USE_COUNTERS, text), (DEPRECATED_OPERATIONS, text) if is_list else None
    )
    return Entries(
        _use_counter_entries(found), tuple(f"line {each.line}: {each.detail}" for each in problems)
    )


def entries_of_revision(spec_file: SpecFile, kind: FileKind, mode: Mode) -> Entries | None:
    """
    Return the definitions of a revision that are not histograms; None where it lacks their file.

    Raises:
        NotADefinitionFile: Its file cannot be read as one.
    """
    if kind is FileKind.USE_COUNTER:
        return Entries(_use_counter_entries(spec_file.use_counters)) if spec_file.use_counters else None
    text = spec_file.companion(SCALARS if kind is FileKind.SCALAR else EVENTS)
    if text is None:
        return None
    if kind is FileKind.SCALAR:
        return scalar_entries(parse_scalars(text, mode))
    return event_entries(parse_events(text, mode))


def other_entries(spec_file: SpecFile) -> Iterator[tuple[FileKind, Entry]]:
    """Yield the definitions of a revision that are not in Histograms.json, with their kind."""
    registry = registry_of(spec_file)
    if registry.scalar_file is not None:
        for entry in scalar_entries(registry.scalar_file).entries.values():
            yield FileKind.SCALAR, entry
    if registry.event_file is not None:
        for entry in event_entries(registry.event_file).entries.values():
            yield FileKind.EVENT, entry
    for entry in _use_counter_entries(registry.use_counters).values():
        yield FileKind.USE_COUNTER, entry


def text_of(path: Path) -> bytes:
    """
    Return the bytes of a definition file.

    Raises:
        NotADefinitionFile: It cannot be read, or is too large; the text names it.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise NotADefinitionFile(f"{path}: {error.strerror}") from None
    if len(text) > MAX_BYTES:
        raise NotADefinitionFile(f"{path}: more than {MAX_BYTES:,} bytes")
    return text


def scalar_entries(found: ScalarFile) -> Entries:
    """Return the scalars of a file."""
    entries = {
        name: {"name": name, "kind": scalar.kind, "keyed": scalar.keyed, **_shared(scalar), **_keys(scalar)}
        for name, scalar in found.scalars.items()
    }
    return Entries(entries, tuple(map(str, found.problems)))


def event_entries(found: EventFile) -> Entries:
    """Return the events of a file, one entry for each definition."""
    entries = {name: _event_entry(event) for name, event in found.events.items()}
    return Entries(entries, tuple(map(str, found.problems)))


def glean_entries(found: GleanDefinitions) -> Entries:
    """Return the metrics and pings of Glean files."""
    entries: dict[str, Entry] = {name: glean_entry(metric) for name, metric in found.metrics.items()}
    for name, ping in found.pings.items():
        entries[f"ping {name}"] = {
            "name": name,
            "kind": "ping",
            "keyed": False,
            "has_client_id": ping.has_client_id,
            "line": ping.line,
        }
    return Entries(entries, found.problems)


def glean_entry(metric: GleanMetric) -> Entry:
    """Return one metric of a Glean application."""
    return {
        "name": metric.name,
        "kind": metric.kind,
        "keyed": metric.keyed,
        "send_in_pings": list(metric.pings),
        "expires": metric.expires,
        "owners": list(metric.owners),
        "labels": list(metric.labels),
        "extra_keys": list(metric.extra_keys),
        "line": metric.line,
    }


def _shared(definition: Definition) -> dict[str, Any]:
    return {
        "expires": definition.expires,
        "processes": list(definition.processes),
        "stores": list(definition.stores),
        "products": list(definition.products),
        "operating_systems": list(definition.systems),
        "release_channel_collection": "opt-in" if definition.is_opt_in else "opt-out",
        "owners": list(definition.owners),
        "line": definition.line,
    }


def _keys(scalar: ScalarDefinition) -> dict[str, Any]:
    return {"keys": list(scalar.keys)} if scalar.keys else {}


def _event_entry(event: EventDefinition) -> Entry:
    shared = _shared(event)
    del shared["stores"]
    return {
        "name": event.name,
        "kind": "event",
        "keyed": False,
        "category": event.category,
        "methods": list(event.methods),
        "objects": list(event.objects),
        "extra_keys": list(event.extra_keys),
        **shared,
    }


def _use_counter_entries(counters: UseCounters) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for name in counters:
        spec, place = counters.find(name), counters.place_of(name)
        assert spec is not None
        assert place is not None
        entries[name] = {
            "name": name,
            "kind": "boolean",
            "keyed": False,
            "bucket_starts": list(spec.bucket_starts),
            "file": place[0],
            "line": place[1],
        }
    return entries
