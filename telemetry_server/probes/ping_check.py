"""
Holds a ping against the definitions of its revision.

A ping is one in conversion, whose parts may still be text, or a stored record.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import orjson

from telemetry_server.probes.build import Build
from telemetry_server.probes.event_check import event_marks
from telemetry_server.probes.expectation import Expectations
from telemetry_server.probes.fields import shown
from telemetry_server.probes.identity import identities_in
from telemetry_server.probes.marks import Mark, MarkName
from telemetry_server.probes.processes import CONTENT, PARENT
from telemetry_server.probes.registry import ProbeRegistry
from telemetry_server.probes.scalar_check import scalar_marks
from telemetry_server.probes.stores import PROCESS, SCALARS, StorePolicy

KEYED_SCALARS = "keyedScalars"
# Builds whose expectations are kept for one revision: versions × channels × systems.
MAX_BUILDS = 64


@dataclass(frozen=True, slots=True)
class Measured:
    """The values of one section of a ping that definitions speak of."""

    process: str
    scalars: Mapping[str, Any]
    keyed_scalars: Mapping[str, Any]
    events: list[Any]


def ping_marks(
    ping: Mapping[str, Any], policy: StorePolicy, expectations: Expectations | None
) -> Iterator[Mark]:
    """Yield the marks of the scalars and events of *ping*, and of the ping as a whole."""
    yield from _whole_ping_marks(ping, policy)
    lacks_definitions = False
    for measured in measured_in(ping, policy):
        if expectations is None:
            lacks_definitions = True
            break
        if measured.scalars or measured.keyed_scalars:
            lacks_definitions |= not expectations.has_scalars
            yield from scalar_marks(measured.process, measured.scalars, expectations, keyed=False)
            yield from scalar_marks(measured.process, measured.keyed_scalars, expectations, keyed=True)
        if measured.events:
            lacks_definitions |= not expectations.has_events
            yield from event_marks(measured.process, measured.events, expectations)
    if lacks_definitions:
        yield Mark(MarkName.NO_DEFINITIONS, "the definitions of its scalars or events are not known")


def _whole_ping_marks(ping: Mapping[str, Any], policy: StorePolicy) -> Iterator[Mark]:
    if policy.client_id == "required" and all(each.is_empty for each in identities_in(ping)):  # type: ignore[arg-type]
        yield Mark(MarkName.CLIENT_ID_MISSING, f"pings of {policy.store} must have a client id")
    has_environment = bool(_object(dict.get(ping, "environment")))  # type: ignore[arg-type]
    if policy.environment == "required" and not has_environment:
        yield Mark(MarkName.ENVIRONMENT_MISSING, f"pings of {policy.store} must have an environment")
    elif policy.environment == "forbidden" and has_environment:
        yield Mark(MarkName.ENVIRONMENT_PRESENT, f"pings of {policy.store} must not have an environment")


def measured_in(ping: Mapping[str, Any], policy: StorePolicy) -> Iterator[Measured]:
    """Yield the sections of *ping* that have scalars or events, at the places that *policy* names."""
    for path in policy.sections:
        before, after = path[: path.index(PROCESS)], path[path.index(PROCESS) + 1 :]
        if SCALARS in before:
            # One object of processes for each kind of scalar.
            plain = _below(ping, before)
            keyed = _below(ping, tuple(KEYED_SCALARS if step == SCALARS else step for step in before))
            for process in dict.fromkeys((*plain, *keyed)):
                of_plain, of_keyed = _below(plain, (process, *after)), _below(keyed, (process, *after))
                if of_plain or of_keyed:
                    yield Measured(process, of_plain, of_keyed, [])
            continue
        for process, section in _below(ping, before).items():
            content = _below(_object(section), after[:-1])
            of_plain, of_keyed = (
                _object(dict.get(content, SCALARS)),
                _object(dict.get(content, KEYED_SCALARS)),
            )
            events = _value(dict.get(content, "events"))
            if of_plain or of_keyed or events:
                yield Measured(process, of_plain, of_keyed, events if isinstance(events, list) else [])


def histogram_marks(ping: Mapping[str, Any], expectations: Expectations) -> Iterator[Mark]:
    """Yield the marks of the packed histograms of a main ping."""
    for process, section in _histogram_sections(ping):
        yield from _plain_marks(process, dict.get(section, "histograms"), expectations)
        yield from _keyed_marks(process, dict.get(section, "keyedHistograms"), expectations)


def count_histogram_marks(ping: Mapping[str, Any], expectations: Expectations, counts: Counter[str]) -> None:
    """Add to *counts* how often `histogram_marks` would yield each name, without the details: far faster."""
    for process, section in _histogram_sections(ping):
        names_of = expectations.flagged_texts(process)
        plain = dict.get(section, "histograms")
        if isinstance(plain, bytes):
            # Rows are numbers: only the names are in quotes, and a name that is defined needs no escapes.
            marked = names_of.keys() & plain.split(b'"')[1::2]
            counts.update(chain.from_iterable(map(names_of.__getitem__, marked)))
        elif plain:
            counts.update(mark.name.value for mark in _plain_marks(process, plain, expectations))
        for mark in _keyed_marks(process, dict.get(section, "keyedHistograms"), expectations):
            counts[mark.name.value] += 1


def _histogram_sections(ping: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    payload = _object(dict.get(ping, "payload"))  # type: ignore[arg-type]
    yield PARENT, payload
    for process, section in _object(dict.get(payload, "processes")).items():
        yield process, _object(section)
    children = _value(dict.get(payload, "childPayloads"))
    for child in children if isinstance(children, list) else ():
        yield CONTENT, _object(child)


def _plain_marks(process: str, histograms: Any, expectations: Expectations) -> Iterator[Mark]:
    if not histograms:
        return
    for name in sorted(expectations.flagged_histograms(process).keys() & _object(histograms).keys()):
        for mark, detail in expectations.flagged_histograms(process)[name]:
            yield Mark(mark, detail, name, process)


def _keyed_marks(process: str, histograms: Any, expectations: Expectations) -> Iterator[Mark]:
    if not histograms:
        return
    flagged, limited = expectations.flagged_histograms(process), expectations.limited_keys
    if isinstance(histograms, bytes):
        # A name is what stands before an object; a quote in a key is escaped.
        found = {piece.rpartition(b'"')[2] for piece in histograms.split(b'":{')[:-1]}
        names = {name.decode("utf-8", "replace") for name in found}
    elif isinstance(histograms, dict):
        names = set(histograms)
    else:
        return
    for name in sorted(names & flagged.keys()):
        for mark, detail in flagged[name]:
            yield Mark(mark, detail, name, process)
    with_list = names & limited.keys()
    if with_list:
        decoded = _object(histograms)
        for name in sorted(with_list):
            for key in _object(decoded.get(name)):
                if key not in limited[name]:
                    detail = f"the key {shown(key)} is not on its list"
                    yield Mark(MarkName.KEY_NOT_ALLOWED, detail, name, process)


def _below(parent: Any, path: tuple[str, ...]) -> dict[str, Any]:
    found = parent
    for step in path:
        found = _object(dict.get(_object(found), step))
    return _object(found)


def _object(value: Any) -> dict[str, Any]:
    value = _value(value)
    return value if isinstance(value, dict) else {}


def _value(value: Any) -> Any:
    """A part of a ping that is still text, decoded for reading only."""
    return orjson.loads(value) if isinstance(value, bytes) else value


def expectations_of(registry: ProbeRegistry, build: Build, store: str, *, is_main: bool) -> Expectations:
    """The `Expectations` for a build and a store; those of the latest `MAX_BUILDS` builds are kept."""
    known = registry.expectations
    key = build, store, is_main
    found: Expectations | None = known.get(key)
    if found is None:
        found = known[key] = Expectations(registry, build, store, is_main=is_main)
        if len(known) > MAX_BUILDS:
            known.popitem(last=False)
    else:
        known.move_to_end(key)
    return found
