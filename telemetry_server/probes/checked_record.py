"""The view of a checked record that reports read."""

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple, Protocol

from telemetry_server.probes.marks import Mark, MarkName
from telemetry_server.probes.stores import StorePolicy


class SeenMetrics(NamedTuple):
    """The metrics of one kind in a section of a record."""

    kind: str
    process: str
    names: Collection[str]  # an event is category.method.object, in Glean category.name


class DefinedProbe(NamedTuple):
    """A definition, as reports show it."""

    name: str
    kind: str
    owners: tuple[str, ...]
    is_expected: bool = True  # whether the application's version still sends it


class CheckedRecord(Protocol):
    """One stored record of a doctype that has a store."""

    record: dict[str, Any]
    policy: StorePolicy
    version: str  # of the application
    source: str  # groups records with the same definitions: empty for those of revisions

    @property
    def registry(self) -> object | None:
        """Return the definitions of its metrics; None if they are unknown."""

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins of the record's definitions, as `DefinitionStamps` names them."""

    def marks(self, only: Collection[MarkName] | None = None) -> Iterator[Mark]:
        """Yield the marks named in *only*, or all, except those known only when a ping arrives."""

    def seen(self) -> Iterator[SeenMetrics]:
        """Yield the metrics of the record, each once a section."""

    def find(self, metric: str, kind: str) -> DefinedProbe | None:
        """Return the definition of a metric."""

    def place_of(self, metric: str) -> tuple[str, int] | None:
        """Return the file and the line, from 1, of a metric's definition."""

    def definitions(self) -> Iterator[DefinedProbe]:
        """Yield every definition that is known for the record."""

    def stores_of_metrics(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each defined metric with its stores."""
