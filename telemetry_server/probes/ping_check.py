"""
Holds a ping against the definitions of its revision.

A ping is one in conversion, whose parts may still be text, or a stored record.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from telemetry_server.probes.build import Build
from telemetry_server.probes.event_check import event_marks, loss_marks
from telemetry_server.probes.expectation import Expectations
from telemetry_server.probes.fields import shown
from telemetry_server.probes.identity import identities_in
from telemetry_server.probes.marks import EXCLUDED, Kind, Mark, MarkName
from telemetry_server.probes.parts import object_of, value_of
from telemetry_server.probes.processes import CONTENT, PARENT
from telemetry_server.probes.registry import ProbeRegistry
from telemetry_server.probes.scalar_check import scalar_marks
from telemetry_server.probes.sent_histogram_check import (
    is_sent_histogram,
    is_sent_keyed,
    sent_histogram_marks,
)
from telemetry_server.probes.stores import PROCESS, SCALARS, StorePolicy

KEYED_SCALARS = "keyedScalars"
HISTOGRAMS, KEYED_HISTOGRAMS = "histograms", "keyedHistograms"
_MEASURED = frozenset({SCALARS, KEYED_SCALARS, "events"})
# Builds whose expectations are kept for one revision: versions, channels and systems.
MAX_BUILDS = 64


@dataclass(frozen=True, slots=True)
class SectionValues:
    """The values of one section of a ping that definitions speak of."""

    process: str
    scalars: Mapping[str, Any]
    keyed_scalars: Mapping[str, Any]
    events: list[Any]


def ping_marks(
    ping: Mapping[str, Any], policy: StorePolicy, expectations: Expectations | None
) -> Iterator[Mark]:
    """Yield the marks of the scalars, events and unpacked histograms of *ping*, and of it as a whole."""
    yield from whole_ping_marks(ping, policy)
    if _events_by_process(ping):
        yield from loss_marks(_below(ping, ("payload",)))
    lacks_definitions = False
    for measured in measured_in(ping, policy):
        if measured.events:
            lacks_definitions |= expectations is None or not expectations.has_events
            yield from _of_kind(Kind.EVENT, event_marks(measured.process, measured.events, expectations))
        if expectations is None:
            lacks_definitions = True
            continue
        if measured.scalars or measured.keyed_scalars:
            lacks_definitions |= not expectations.has_scalars
            for keyed, values in ((False, measured.scalars), (True, measured.keyed_scalars)):
                yield from _of_kind(
                    Kind.SCALAR, scalar_marks(measured.process, values, expectations, keyed=keyed)
                )
    for process, plain, by_key in sent_histograms(ping, policy):
        if expectations is None or not expectations.has_histograms:
            lacks_definitions = True
            break
        yield from _of_kind(Kind.HISTOGRAM, sent_histogram_marks(process, plain, by_key, expectations))
    if lacks_definitions:
        yield Mark(MarkName.NO_DEFINITIONS, "the definitions of its values are not known")


def _of_kind(kind: Kind, marks: Iterator[Mark]) -> Iterator[Mark]:
    return (mark._replace(kind=kind) for mark in marks)


def whole_ping_marks(ping: Mapping[str, Any], policy: StorePolicy) -> Iterator[Mark]:
    """Yield the marks of a client id or an environment that is missing or forbidden."""
    if policy.client_id == "required" and all(each.is_empty for each in identities_in(ping)):  # type: ignore[arg-type]
        yield Mark(MarkName.CLIENT_ID_MISSING, f"pings of {policy.store} must have a client id")
    if policy.environment == "allowed":
        return
    has_environment = bool(object_of(ping.get("environment")))
    if policy.environment == "required" and not has_environment:
        yield Mark(MarkName.ENVIRONMENT_MISSING, f"pings of {policy.store} must have an environment")
    elif policy.environment == "forbidden" and has_environment:
        yield Mark(MarkName.ENVIRONMENT_PRESENT, f"pings of {policy.store} must not have an environment")


def measured_in(ping: Mapping[str, Any], policy: StorePolicy) -> Iterator[SectionValues]:
    """
    Yield the sections of *ping* that have scalars or events, at the places that *policy* names.

    The events of an event ping are always at ``payload.events``.
    """
    for path in policy.sections:
        before, after = path[: path.index(PROCESS)], path[path.index(PROCESS) + 1 :]
        if SCALARS in before:
            # One object of processes for each kind of scalar.
            plain = _below(ping, before)
            keyed = _below(ping, tuple(KEYED_SCALARS if step == SCALARS else step for step in before))
            for process in dict.fromkeys((*plain, *keyed)):
                of_plain, of_keyed = _below(plain, (process, *after)), _below(keyed, (process, *after))
                if of_plain or of_keyed:
                    yield SectionValues(process, of_plain, of_keyed, [])
            continue
        sections = _below(ping, before)
        for process in sections:
            content = _below(object_of(dict.get(sections, process)), after[:-1])
            if content.keys().isdisjoint(_MEASURED):
                continue
            of_plain, of_keyed = (
                object_of(dict.get(content, SCALARS)),
                object_of(dict.get(content, KEYED_SCALARS)),
            )
            events = value_of(dict.get(content, "events"))
            if of_plain or of_keyed or events:
                yield SectionValues(process, of_plain, of_keyed, events if isinstance(events, list) else [])
    for process, of_process in _events_by_process(ping).items():
        records = value_of(of_process)
        if isinstance(records, list) and records:
            yield SectionValues(process, {}, {}, records)


def _events_by_process(ping: Mapping[str, Any]) -> dict[str, Any]:
    """Return the events of an event ping: ``payload.events`` has a list for each process."""
    return _below(ping, ("payload", "events"))


def sent_histograms(
    ping: Mapping[str, Any], policy: StorePolicy
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield each process with its plain and its keyed histograms, if *ping* holds them as sent."""
    if policy.packs_histograms:
        return
    for path in policy.sections:
        before, after = path[: path.index(PROCESS)], path[path.index(PROCESS) + 1 :]
        if SCALARS in before:
            plain, keyed = (
                _below(ping, tuple(name if step == SCALARS else step for step in before))
                for name in (HISTOGRAMS, KEYED_HISTOGRAMS)
            )
            # As in main pings: without a level of processes.
            flat = {name: value for name, value in plain.items() if is_sent_histogram(value)}
            flat_keyed = {name: value for name, value in keyed.items() if is_sent_keyed(value)}
            if flat or flat_keyed:
                yield PARENT, flat, flat_keyed
            for process in dict.fromkeys((*plain, *keyed)):
                of_plain, of_keyed = _below(plain, (process, *after)), _below(keyed, (process, *after))
                if process not in flat and process not in flat_keyed and (of_plain or of_keyed):
                    yield process, of_plain, of_keyed
            continue
        sections = _below(ping, before)
        for process in sections:
            content = _below(object_of(dict.get(sections, process)), after[:-1])
            of_plain, of_keyed = (
                object_of(dict.get(content, name)) for name in (HISTOGRAMS, KEYED_HISTOGRAMS)
            )
            if of_plain or of_keyed:
                yield process, of_plain, of_keyed


def histogram_marks(
    ping: Mapping[str, Any], expectations: Expectations, only: Collection[MarkName] | None = None
) -> Iterator[Mark]:
    """Yield the marks of the histograms in a record; with *only*, just these marks, without details."""
    for process, section in _histogram_sections(ping):
        keyed = object_of(section.get("keyedHistograms"))
        for names in (object_of(section.get("histograms")), keyed):
            if only is None:
                yield from _name_marks(process, names, expectations)
            elif names:
                yield from _short_marks(process, names, expectations, only)
        yield from _key_marks(process, keyed, expectations)


def histogram_names(ping: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield each section of a ping's record with the names of its histograms."""
    for process, section in _histogram_sections(ping):
        names = [*object_of(section.get("histograms")), *object_of(section.get("keyedHistograms"))]
        if names:
            yield process, names


def count_plain_marks(
    process: str, names: Collection[str], expectations: Expectations, counts: Counter[str]
) -> list[Mark]:
    """
    Add to *counts* how often each mark applies to the histograms *names*: as `histogram_marks`, faster.

    Returns:
        The marks of `EXCLUDED`, without details.
    """
    excluded: list[Mark] = []
    for mark, marked in expectations.marked_names(process):
        found = marked.intersection(names)
        if found:
            counts[mark] += len(found)
            if mark in EXCLUDED:
                excluded += [
                    Mark(MarkName(mark), "", name, process, kind=Kind.HISTOGRAM) for name in sorted(found)
                ]
    return excluded


def count_keyed_marks(
    process: str, names: Collection[str], histograms: Any, expectations: Expectations, counts: Counter[str]
) -> list[Mark]:
    """Do as `count_plain_marks` for the keyed *histograms*, which have these *names*."""
    excluded = count_plain_marks(process, names, expectations, counts)
    if not expectations.limited_keys.keys().isdisjoint(names):
        marks = list(_key_marks(process, object_of(histograms), expectations))
        counts.update(mark.name.value for mark in marks)
        excluded += marks
    return excluded


def _histogram_sections(ping: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    payload = object_of(ping.get("payload"))
    yield PARENT, payload
    for process, section in object_of(dict.get(payload, "processes")).items():
        yield process, object_of(section)
    children = value_of(dict.get(payload, "childPayloads"))
    for child in children if isinstance(children, list) else ():
        yield CONTENT, object_of(child)


def _name_marks(process: str, names: Collection[str], expectations: Expectations) -> Iterator[Mark]:
    flagged = expectations.flagged_histograms(process)
    for name in sorted(flagged.keys() & names):
        for mark, detail in flagged[name]:
            yield Mark(mark, detail, name, process, kind=Kind.HISTOGRAM)


def _short_marks(
    process: str, names: Collection[str], expectations: Expectations, only: Collection[MarkName]
) -> Iterator[Mark]:
    for mark, marked in expectations.marked_names(process):
        if mark in only:
            for name in marked.intersection(names):
                yield Mark(MarkName(mark), "", name, process, kind=Kind.HISTOGRAM)


def _key_marks(process: str, histograms: Mapping[str, Any], expectations: Expectations) -> Iterator[Mark]:
    limited = expectations.limited_keys
    for name in sorted(limited.keys() & histograms.keys()):
        for key in object_of(histograms[name]):
            if key not in limited[name]:
                detail = f"the key {shown(key)} is not on its list"
                yield Mark(MarkName.KEY_NOT_ALLOWED, detail, name, process, key, Kind.HISTOGRAM)


def _below(parent: Any, path: tuple[str, ...]) -> dict[str, Any]:
    found = parent
    for step in path:
        found = object_of(dict.get(object_of(found), step))
    return object_of(found)


def expectations_of(registry: ProbeRegistry, build: Build, store: str, *, is_main: bool) -> Expectations:
    """Return the `Expectations` for a build and a store; those of the latest `MAX_BUILDS` builds are kept."""
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
