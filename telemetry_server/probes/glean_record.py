"""One stored Glean ping, held against the definitions of its application, as the conversion did."""

from collections.abc import Collection, Iterator
from itertools import chain
from typing import Any

from telemetry_server.probes.checked_record import DefinedProbe, SeenMetrics
from telemetry_server.probes.glean_check import (
    facts_of,
    glean_marks,
    glean_metrics_seen,
    is_expired_in,
    is_sent_in,
)
from telemetry_server.probes.glean_file import GleanMetric
from telemetry_server.probes.glean_registry import GleanApplications
from telemetry_server.probes.marks import Mark, MarkName
from telemetry_server.probes.ping_check import whole_ping_marks
from telemetry_server.probes.stores import StorePolicy

KIND = "glean"
OF_GLEAN = "glean "
"""Prefix of the origin of definitions that were imported for an application."""


class CheckedGleanPing:
    """A record whose metrics its application defines."""

    def __init__(self, record: dict[str, Any], policy: StorePolicy, applications: GleanApplications) -> None:
        self.record = record
        self.policy = policy
        metadata = record["metadata"]
        self._facts = facts_of(record, metadata["doctype"], metadata["submission_timestamp"])
        self.source = f"{metadata['namespace']}/{self._facts.name}"
        self.version = self._facts.version
        self.registry = applications.registry_of(metadata["namespace"])
        self.origins = (f"{OF_GLEAN}{metadata['namespace']}",)

    def marks(self, only: Collection[MarkName] | None = None) -> Iterator[Mark]:
        """Yield the marks named in *only*, or all, except those known only when a ping arrives."""
        of_ping = whole_ping_marks(self.record, self.policy)
        for mark in chain(of_ping, glean_marks(self.record, self.registry, self._facts)):
            if only is None or mark.name in only:
                yield mark

    def seen(self) -> Iterator[SeenMetrics]:
        """Yield the metrics and events of the record, each once."""
        names = set(glean_metrics_seen(self.record))
        if names:
            yield SeenMetrics(KIND, "", names)

    def find(self, metric: str, kind: str) -> DefinedProbe | None:
        """Return the definition of a metric."""
        del kind
        found = None if self.registry is None else self.registry.metric(metric)
        return None if found is None else _defined(found)

    def place_of(self, metric: str) -> tuple[str, int] | None:
        """Return the file and the line, from 1, of a metric's definition."""
        return None if self.registry is None else self.registry.place_of(metric)

    def definitions(self) -> Iterator[DefinedProbe]:
        """Yield every metric; expected are those that the application's build still sends in this ping."""
        for metric in () if self.registry is None else self.registry.definitions():
            is_expected = is_sent_in(metric, self._facts.name) and not is_expired_in(metric, self._facts)
            yield _defined(metric)._replace(is_expected=is_expected)

    def stores_of_metrics(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each metric with this ping's store, if it is sent in this ping."""
        for metric in () if self.registry is None else self.registry.definitions():
            yield metric.name, (self.policy.store,) if is_sent_in(metric, self._facts.name) else ()


def _defined(metric: GleanMetric) -> DefinedProbe:
    return DefinedProbe(metric.name, KIND, metric.owners)
