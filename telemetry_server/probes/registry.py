"""Every probe that a revision defines, and where its definition is."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from hashlib import sha256
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, ref

from histogram_specs.definition_files import EVENTS, PROCESSES, SCALARS
from histogram_specs.revision import SPEC_FILE_NAME
from histogram_specs.spec_file import SpecFile
from histogram_specs.use_counters import PREFIX
from telemetry_server.probes.definition import Definition, EventDefinition, HistogramRules, ScalarDefinition
from telemetry_server.probes.errors import NotADefinitionFile
from telemetry_server.probes.event_file import EventFile, parse_events
from telemetry_server.probes.histogram_file import histogram_rules
from telemetry_server.probes.process_file import parse_processes
from telemetry_server.probes.processes import known_sections
from telemetry_server.probes.scalar_file import ScalarFile, parse_scalars

# Revisions share most files: a text is parsed once, and the least recently used go.
MAX_PARSED_FILES = 32
# From this version on use counters are recorded on release by default.
USE_COUNTERS_OPT_OUT_FROM = "65.0a1"

Parsed = TypeVar("Parsed")

log = logging.getLogger(__name__)


class ProbeRegistry:
    """
    The probes of one revision by name; each file is parsed when it is first needed.

    A kind is None where the revision lacks its file, or the file cannot be read at all (which is logged).
    """

    def __init__(self, spec_file: SpecFile) -> None:
        # A registry lives as long as its file, which is a weak key of `_by_file`.
        self._spec_file = ref(spec_file)
        self.use_counters = spec_file.use_counters
        self.expectations: OrderedDict[object, Any] = OrderedDict()  # of `ping_check.expectations_of`
        self.histograms: Mapping[str, HistogramRules] = histogram_rules(spec_file)

    @cached_property
    def scalar_file(self) -> ScalarFile | None:
        """The revision's Scalars.yaml."""
        return self._parsed(SCALARS, parse_scalars)

    @cached_property
    def event_file(self) -> EventFile | None:
        """The revision's Events.yaml."""
        return self._parsed(EVENTS, parse_events)

    @cached_property
    def sections(self) -> frozenset[str]:
        """The sections that a ping may have."""
        return known_sections(self._parsed(PROCESSES, parse_processes) or ())

    def scalar(self, name: str) -> ScalarDefinition | None:
        """Return the definition of a scalar."""
        return None if self.scalar_file is None else self.scalar_file.scalars.get(name)

    def is_unusable_scalar(self, name: str) -> bool:
        """Whether a scalar is defined, and its definition has an error."""
        return self.scalar_file is not None and name in self.scalar_file.unusable

    def event(self, category: str, method: str, object_: str) -> EventDefinition | None:
        """Return the definition of an event."""
        return None if self.event_file is None else self.event_file.triples.get((category, method, object_))

    def event_of(self, metric: str) -> EventDefinition | None:
        """Return the definition of an event that is named category.method.object."""
        rest, _, object_ = metric.rpartition(".")
        category, _, method = rest.rpartition(".")
        return self.event(category, method, object_)

    def histogram(self, name: str) -> HistogramRules | None:
        """Return the definition of a histogram or a use counter."""
        found = self.histograms.get(name)
        if found is None and name.startswith(PREFIX) and name in self.use_counters:
            return HistogramRules(name, 0)
        return found

    def definitions(self) -> Iterator[Definition]:
        """Yield every definition but use counters: histograms, scalars, events."""
        yield from self.histograms.values()
        if self.scalar_file is not None:
            yield from self.scalar_file.scalars.values()
        if self.event_file is not None:
            yield from self.event_file.events.values()

    def place_of(self, metric: str) -> tuple[str, int] | None:
        """Return the file and line (from 1) of a metric's definition; an event is category.method.object."""
        scalar = self.scalar(metric)
        if scalar is not None:
            return SCALARS, scalar.line
        if metric in self.histograms:
            spec_file = self._spec_file()
            return None if spec_file is None else (SPEC_FILE_NAME, spec_file.lines[metric])
        if metric in self.use_counters:
            return self.use_counters.place_of(metric)
        event = self.event_of(metric)
        return None if event is None else (EVENTS, event.line)

    def _parsed(self, name: str, parse: Callable[[bytes], Parsed]) -> Parsed | None:
        spec_file = self._spec_file()
        text = None if spec_file is None else spec_file.companion(name)
        return None if text is None else _parse_once(name, text, parse)


_parsed_files: OrderedDict[str, object] = OrderedDict()


def _parse_once(name: str, text: bytes, parse: Callable[[bytes], Parsed]) -> Parsed | None:
    digest = f"{name} {sha256(text).hexdigest()}"
    if digest in _parsed_files:
        _parsed_files.move_to_end(digest)
        return _parsed_files[digest]  # type: ignore[return-value]
    try:
        parsed = parse(text)
    except NotADefinitionFile as error:
        log.warning("a %s in the revision cache is not used: %s", name, error)
        parsed = None
    _parsed_files[digest] = parsed
    if len(_parsed_files) > MAX_PARSED_FILES:
        _parsed_files.popitem(last=False)
    return parsed


_by_file: "WeakKeyDictionary[SpecFile, ProbeRegistry]" = WeakKeyDictionary()


def registry_of(spec_file: SpecFile) -> ProbeRegistry:
    """Return the one `ProbeRegistry` of *spec_file*; it lives as long as the file does."""
    registry = _by_file.get(spec_file)
    if registry is None:
        registry = _by_file[spec_file] = ProbeRegistry(spec_file)
    return registry
