"""One stored record, held against the definitions of its revision, as the conversion did."""

from collections.abc import Collection, Iterator
from typing import Any

from histogram_specs.errors import BadRevisionUrl
from histogram_specs.history.resolver import Resolved, Resolves, RevisionSource
from histogram_specs.revision import Revision, parse_revision_url
from telemetry_server.probes.build import Build, build_of
from telemetry_server.probes.checked_record import DefinedProbe, SeenMetrics
from telemetry_server.probes.definition import Definition, EventDefinition, ScalarDefinition
from telemetry_server.probes.expectation import Expectations
from telemetry_server.probes.marks import Mark, MarkName
from telemetry_server.probes.parts import object_of
from telemetry_server.probes.ping_check import (
    expectations_of,
    histogram_marks,
    histogram_names,
    measured_in,
    ping_marks,
    sent_histograms,
)
from telemetry_server.probes.registry import registry_of
from telemetry_server.probes.stores import MAIN, TELEMETRY, StorePolicy
from telemetry_server.probes.versions import is_expired

HISTOGRAM, SCALAR, EVENT = "histogram", "scalar", "event"
# Origins of definitions: the prefix for the files of a revision, and the prefetched history.
OF_REVISION, OF_HISTORY = "revision ", "history"


class CheckedPing:
    """A record whose probes its revision defines."""

    source = ""

    def __init__(self, record: dict[str, Any], policy: StorePolicy, revisions: Resolves) -> None:
        self.record = record
        self.policy = policy
        metadata = record["metadata"]
        self._is_main = (metadata["namespace"], metadata["doctype"]) == (TELEMETRY, MAIN)
        self._build = _build_of(record)
        self.version = self._build.version
        self.origins: tuple[str, ...] = ()
        self._expectations = self._find_expectations(revisions)
        self.registry = None if self._expectations is None else self._expectations.registry

    def marks(self, only: Collection[MarkName] | None = None) -> Iterator[Mark]:
        """Yield the marks named in *only*, or all, except those known only when a ping arrives."""
        for mark in ping_marks(self.record, self.policy, self._expectations):
            if only is None or mark.name in only:
                yield mark
        if self._expectations is not None and self.policy.packs_histograms:
            yield from histogram_marks(self.record, self._expectations, only)

    def seen(self) -> Iterator[SeenMetrics]:
        """Yield the metrics of the record, each once a section."""
        for measured in measured_in(self.record, self.policy):
            if measured.scalars or measured.keyed_scalars:
                names = measured.scalars.keys() | measured.keyed_scalars.keys()
                yield SeenMetrics(SCALAR, measured.process, names)
            if measured.events:
                events = {
                    ".".join(map(str, event[1:4])) for event in measured.events if isinstance(event, list)
                }
                yield SeenMetrics(EVENT, measured.process, events)
        for process, names_of_process in self._histograms():
            yield SeenMetrics(HISTOGRAM, process, names_of_process)

    def _histograms(self) -> Iterator[tuple[str, list[str]]]:
        if self.policy.packs_histograms:
            yield from histogram_names(self.record)
        for process, plain, keyed in sent_histograms(self.record, self.policy):
            yield process, [*plain, *keyed]

    def find(self, metric: str, kind: str) -> DefinedProbe | None:
        """Return the definition of a metric."""
        registry = self.registry
        if registry is None:
            return None
        found: Definition | None
        if kind == SCALAR:
            found = registry.scalar(metric)
        elif kind == EVENT:
            found = registry.event_of(metric)
        else:
            found = registry.histogram(metric)
        return None if found is None else _defined(found)

    def place_of(self, metric: str) -> tuple[str, int] | None:
        """Return the file and the line, from 1, of a metric's definition."""
        return None if self.registry is None else self.registry.place_of(metric)

    def definitions(self) -> Iterator[DefinedProbe]:
        """Yield every definition except use counters."""
        for definition in () if self.registry is None else self.registry.definitions():
            is_expected = not is_expired(definition.expires, self.version)
            yield _defined(definition)._replace(is_expected=is_expected)

    def stores_of_metrics(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each defined metric with its stores."""
        for definition in () if self.registry is None else self.registry.definitions():
            if not isinstance(definition, EventDefinition):
                yield definition.name, definition.stores

    def _find_expectations(self, revisions: Resolves) -> Expectations | None:
        application = object_of(self.record.get("application"))
        revision = _revision_of(self.record)
        found = revisions.resolve(
            revision,
            channel=_text(application.get("channel")),
            build_id=_text(application.get("buildId")),
            version=_text(application.get("version")),
            platform_version=_text(application.get("platformVersion")),
            histograms=False,
        )
        by_revision = isinstance(found, Resolved) and found.source is RevisionSource.PING
        self.origins = (
            *(() if revision is None else (f"{OF_REVISION}{revision}",)),
            *(() if by_revision else (OF_HISTORY,)),
        )
        if not isinstance(found, Resolved):
            return None
        registry = registry_of(found.spec_file)
        return expectations_of(registry, self._build, self.policy.store, is_main=self._is_main)


def _defined(definition: Definition) -> DefinedProbe:
    kind = HISTOGRAM
    if isinstance(definition, ScalarDefinition):
        kind = SCALAR
    elif isinstance(definition, EventDefinition):
        kind = EVENT
    return DefinedProbe(definition.name, kind, definition.owners)


def _build_of(record: dict[str, Any]) -> Build:
    application = object_of(record.get("application"))
    return build_of(
        version=application.get("version"),
        channel=application.get("channel"),
        application=application.get("name"),
        system=record["metadata"].get("normalized_os"),
    )


def _revision_of(record: dict[str, Any]) -> Revision | None:
    url = record["metadata"].get("revision")
    if url is None:
        url = object_of(object_of(record.get("payload")).get("info")).get("revision")
    try:
        return parse_revision_url(url) if isinstance(url, str) else None
    except BadRevisionUrl:
        return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
