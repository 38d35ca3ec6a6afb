"""The view of a checked record that reports read."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from telemetry_server.probes.marks import Mark
from telemetry_server.probes.stores import StorePolicy


class SeenMetric(NamedTuple):
    """A metric that is in a record."""

    metric: str  # an event is category.method.object, in Glean category.name
    kind: str
    process: str


class DefinedProbe(NamedTuple):
    """A definition, as reports show it."""

    name: str
    kind: str
    owners: tuple[str, ...]


class CheckedRecord(Protocol):
    """One stored record of a doctype that has a store."""

    record: dict[str, Any]
    policy: StorePolicy
    version: str  # of the application
    source: str  # groups records with the same definitions: empty for those of revisions

    @property
    def registry(self) -> object | None:
        """Return the definitions of its metrics; None if they are unknown."""

    def marks(self) -> Iterator[Mark]:
        """Yield every mark but those that are only known when a ping arrives."""

    def seen(self) -> Iterator[SeenMetric]:
        """Yield the metrics of the record, each once a section."""

    def find(self, metric: str, kind: str) -> DefinedProbe | None:
        """Return the definition of a metric."""

    def place_of(self, metric: str) -> tuple[str, int] | None:
        """Return the file and the line, from 1, of a metric's definition."""

    def expected(self) -> Iterator[DefinedProbe]:
        """Yield the definitions of which the application's version still sends values."""

    def stores_of_metrics(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each defined metric with its stores."""
