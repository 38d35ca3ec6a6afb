"""Holds stored records against the definitions of their revision, as the conversion did."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from histogram_specs.errors import BadRevisionUrl
from histogram_specs.history.resolver import Resolution, Resolved
from histogram_specs.revision import Revision, parse_revision_url
from telemetry_server.probes.build import Build, build_of
from telemetry_server.probes.expectation import Expectations
from telemetry_server.probes.marks import Mark
from telemetry_server.probes.ping_check import (
    expectations_of,
    histogram_marks,
    histogram_names,
    measured_in,
    ping_marks,
)
from telemetry_server.probes.registry import registry_of
from telemetry_server.probes.stores import MAIN, TELEMETRY, StorePolicy, Stores


class FindsDefinitions(Protocol):
    """Finds definitions, as `histogram_specs.history.resolver.Resolver` does."""

    def resolve(
        self,
        revision: Revision | None,
        *,
        channel: str | None,
        build_id: str | None,
        version: str | None,
        platform_version: str | None = None,
        histograms: bool = True,
    ) -> Resolution:
        """Find definitions by *revision*, else by the other fields of the build."""


class SeenMetric(NamedTuple):
    """A metric that is in a record."""

    metric: str  # an event is category.method.object
    kind: str  # "histogram", "scalar" or "event"
    process: str


class CheckedRecord:
    """One stored record of a doctype that has a store."""

    def __init__(self, record: Mapping[str, Any], policy: StorePolicy, definitions: FindsDefinitions) -> None:
        self.record = record
        self.policy = policy
        metadata = record["metadata"]
        self.is_main = (metadata["namespace"], metadata["doctype"]) == (TELEMETRY, MAIN)
        self.build = _build_of(record)
        self.expectations = self._expectations(definitions)

    def marks(self) -> Iterator[Mark]:
        """Yield every mark but those that are only known when a ping comes in."""
        yield from ping_marks(self.record, self.policy, self.expectations)
        if self.is_main and self.expectations is not None:
            yield from histogram_marks(self.record, self.expectations)

    def seen(self) -> Iterator[SeenMetric]:
        """Yield the metrics of the record, each once a section."""
        for measured in measured_in(self.record, self.policy):
            for metric in {**measured.scalars, **measured.keyed_scalars}:
                yield SeenMetric(metric, "scalar", measured.process)
            for event in {
                ".".join(map(str, event[1:4])) for event in measured.events if isinstance(event, list)
            }:
                yield SeenMetric(event, "event", measured.process)
        if self.is_main:
            for process, names in histogram_names(self.record):
                for name in names:
                    yield SeenMetric(name, "histogram", process)

    def _expectations(self, definitions: FindsDefinitions) -> Expectations | None:
        application = _object(self.record.get("application"))
        found = definitions.resolve(
            _revision_of(self.record),
            channel=_text(application.get("channel")),
            build_id=_text(application.get("buildId")),
            version=_text(application.get("version")),
            platform_version=_text(application.get("platformVersion")),
            histograms=False,
        )
        if not isinstance(found, Resolved):
            return None
        registry = registry_of(found.spec_file)
        return expectations_of(registry, self.build, self.policy.store, is_main=self.is_main)


def checked_record(
    record: Mapping[str, Any], stores: Stores, definitions: FindsDefinitions
) -> CheckedRecord | None:
    """*record* with what it is held against; None where its doctype has no store."""
    metadata = record["metadata"]
    policy = stores.policy_of(metadata["namespace"], metadata["doctype"])
    return None if policy is None else CheckedRecord(record, policy, definitions)


def _build_of(record: Mapping[str, Any]) -> Build:
    application = _object(record.get("application"))
    return build_of(
        version=application.get("version"),
        channel=application.get("channel"),
        application=application.get("name"),
        system=record["metadata"].get("normalized_os"),
    )


def _revision_of(record: Mapping[str, Any]) -> Revision | None:
    url = record["metadata"].get("revision")
    if url is None:
        url = _object(_object(record.get("payload")).get("info")).get("revision")
    try:
        return parse_revision_url(url) if isinstance(url, str) else None
    except BadRevisionUrl:
        return None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
