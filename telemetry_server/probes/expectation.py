"""The meaning of definitions for one build and one store: computed once, looked up for every value."""

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from telemetry_server.probes.build import Build
from telemetry_server.probes.definition import Definition, EventDefinition, ScalarDefinition
from telemetry_server.probes.marks import MarkName
from telemetry_server.probes.processes import is_allowed
from telemetry_server.probes.registry import USE_COUNTERS_OPT_OUT_FROM, ProbeRegistry
from telemetry_server.probes.versions import is_expired

Fault = tuple[MarkName, str]  # a mark without its value: name and detail
EVERY_SYSTEM = "all"
UNIX = "unix"


class ScalarExpectation(NamedTuple):
    """A scalar's definition, and what is wrong with any value of it in this build and store."""

    definition: ScalarDefinition
    faults: tuple[Fault, ...]


# The class of the values of each kind of scalar.
_CLASS_OF: Mapping[str, type] = {"uint": int, "string": str, "boolean": bool}


class EventExpectation(NamedTuple):
    """An event's definition, and what is wrong with any record of it in this build."""

    definition: EventDefinition
    faults: tuple[Fault, ...]
    extra_keys: frozenset[str]


class Expectations:
    """The definitions of one revision, seen from one build and one store."""

    def __init__(self, registry: ProbeRegistry, build: Build, store: str, *, is_main: bool) -> None:
        self.registry = registry
        self._build = build
        self._store = store
        self._is_main = is_main
        self._scalars: dict[str, ScalarExpectation | None] = {}
        self._events: dict[tuple[str, str, str], EventExpectation | None] = {}
        self._clean_scalars: dict[str, Mapping[str, type]] = {}
        self._clean_events: dict[str, Mapping[tuple[str, str, str], frozenset[str]]] = {}
        self._flagged: dict[str, Mapping[str, tuple[Fault, ...]]] = {}
        self._marked_names: dict[str, tuple[tuple[str, frozenset[str]], ...]] = {}

    @property
    def has_scalars(self) -> bool:
        """Whether the revision has a file of scalars."""
        return self.registry.scalar_file is not None

    @property
    def has_histograms(self) -> bool:
        """Whether the revision has a file of histograms."""
        return bool(self.registry.histograms)

    @property
    def has_events(self) -> bool:
        """Whether the revision has a file of events."""
        return self.registry.event_file is not None

    def scalar(self, label: str) -> ScalarExpectation | None:
        """Return what is expected of a scalar; None if it is not defined."""
        try:
            return self._scalars[label]
        except KeyError:
            definition = self.registry.scalar(label)
        if definition is None:
            return None  # not kept: clients can make up any number of labels
        found = self._scalars[label] = ScalarExpectation(definition, self._faults(definition))
        return found

    def event(self, category: str, method: str, object_: str) -> EventExpectation | None:
        """Return what is expected of an event; None if it is not defined."""
        key = category, method, object_
        try:
            return self._events[key]
        except KeyError:
            definition = self.registry.event(*key)
        if definition is None:
            return None
        found = self._events[key] = EventExpectation(
            definition, self._faults(definition, has_stores=False), frozenset(definition.extra_keys)
        )
        return found

    def clean_scalars(self, process: str) -> Mapping[str, type]:
        """Return the plain scalars that may be in the section of *process*, with their class."""
        clean = self._clean_scalars.get(process)
        if clean is None:
            file = self.registry.scalar_file
            clean = self._clean_scalars[process] = {
                name: _CLASS_OF[definition.kind]
                for name, definition in (() if file is None else file.scalars.items())
                if not definition.keyed and self._is_clean(definition, process)
            }
        return clean

    def clean_events(self, process: str) -> Mapping[tuple[str, str, str], frozenset[str]]:
        """Return the events that may be in the section of *process*, with their extra keys."""
        clean = self._clean_events.get(process)
        if clean is None:
            file = self.registry.event_file
            clean = self._clean_events[process] = {
                key: frozenset(definition.extra_keys)
                for key, definition in (() if file is None else file.triples.items())
                if self._is_clean(definition, process, has_stores=False)
            }
        return clean

    def _is_clean(self, definition: Definition, process: str, *, has_stores: bool = True) -> bool:
        is_faulty = self._faults(definition, has_stores=has_stores)
        return is_allowed(definition.processes, process) and not is_faulty

    def flagged_histograms(self, process: str) -> Mapping[str, tuple[Fault, ...]]:
        """Return the histograms that should not be in the section of *process*, each with what is wrong."""
        flagged = self._flagged.get(process)
        if flagged is None:
            flagged = self._flagged[process] = dict(self._compute_flagged(process))
        return flagged

    def marked_names(self, process: str) -> tuple[tuple[str, frozenset[str]], ...]:
        """Each mark of `flagged_histograms` with the names of its histograms."""
        marked = self._marked_names.get(process)
        if marked is None:
            by_mark: dict[str, set[str]] = {}
            for name, faults in self.flagged_histograms(process).items():
                for mark, _ in faults:
                    by_mark.setdefault(mark.value, set()).add(name)
            marked = tuple(
                (mark.value, frozenset(by_mark[mark.value])) for mark in MarkName if mark.value in by_mark
            )
            self._marked_names[process] = marked
        return marked

    @cached_property
    def limited_keys(self) -> Mapping[str, frozenset[str]]:
        """The keyed histograms with a list of keys."""
        histograms = self.registry.histograms
        return {
            name: frozenset(rules.keys) for name, rules in histograms.items() if rules.keyed and rules.keys
        }

    def _compute_flagged(self, process: str) -> "list[tuple[str, tuple[Fault, ...]]]":
        flagged = []
        for name, faults in self._histogram_faults.items():
            processes = self.registry.histograms[name].processes if name in self.registry.histograms else ()
            of_process = () if is_allowed(processes, process) else (wrong_process(processes, process),)
            if faults or of_process:
                flagged.append((name, faults + of_process))
        return flagged

    @cached_property
    def _histogram_faults(self) -> Mapping[str, tuple[Fault, ...]]:
        found = {name: self._faults(rules) for name, rules in self.registry.histograms.items()}
        before = is_expired(USE_COUNTERS_OPT_OUT_FROM, self._build.version) is False
        if self._is_main and self._build.is_release and before:
            fault = MarkName.OPTIN_ON_RELEASE, f"use counters are opt-in before {USE_COUNTERS_OPT_OUT_FROM}"
            found |= dict.fromkeys(self.registry.use_counters, (fault,))
        return found

    def _faults(self, definition: Definition, *, has_stores: bool = True) -> tuple[Fault, ...]:
        build, faults = self._build, list[Fault]()
        if has_stores and self._store not in definition.stores:
            stores = ", ".join(definition.stores) or "no store"
            faults.append(
                (MarkName.WRONG_STORE, f"it is recorded into {stores}, the ping is of {self._store}")
            )
        expired = is_expired(definition.expires, build.version)
        if expired:
            detail = f"it expires in {definition.expires}, the application is {build.version}"
            faults.append((MarkName.EXPIRED_METRIC, detail))
        elif expired is None:
            detail = (
                f"it expires in {definition.expires}, and the version {build.version!r} cannot be compared"
            )
            faults.append((MarkName.EXPIRY_UNKNOWN, detail))
        if definition.products and build.product and not self._is_of_product(definition.products):
            products = ", ".join(definition.products)
            faults.append((MarkName.WRONG_PRODUCT, f"it is recorded in {products}, not in {build.product}"))
        if definition.systems and build.system and not self._is_of_system(definition.systems):
            systems = ", ".join(definition.systems)
            faults.append((MarkName.WRONG_OS, f"it is recorded on {systems}, not on {build.system}"))
        if self._is_main and definition.is_opt_in and build.is_release:
            faults.append((MarkName.OPTIN_ON_RELEASE, f"it is opt-in, and the channel is {build.channel}"))
        return tuple(faults)

    def _is_of_product(self, products: tuple[str, ...]) -> bool:
        return self._build.product in products or "all" in products

    def _is_of_system(self, systems: tuple[str, ...]) -> bool:
        system = self._build.system
        return EVERY_SYSTEM in systems or system in systems or (UNIX in systems and system != "windows")


def wrong_process(processes: tuple[str, ...], section: str) -> Fault:
    """Return the fault of a value in a section that its definition does not allow."""
    return MarkName.WRONG_PROCESS, f"it is recorded in {', '.join(processes)}, not in {section}"
