"""Sums for the reports on stores and on drift; they can be added to each other, and kept as JSON."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from telemetry_server.probes.checked_record import DefinedProbe
from telemetry_server.probes.few_clients import FewClients
from telemetry_server.probes.versions import version_key

Row = tuple[str, str]  # state of drift, and metric


class Drift(StrEnum):
    """How the values that are sent differ from the definition of a probe."""

    SILENT = "silent"  # defined for the newest version that sends pings, and never sent
    UNDECLARED = "undeclared"  # sent and not defined
    EXPIRED = "expired"  # sent after it expired
    BROKEN = "broken"  # sent against its definition


class BuildOrder(NamedTuple):
    """Decides which of two builds is newer; equal for records of one build."""

    version: str = ""
    build_id: str = ""
    revision: str = ""

    @property
    def key(self) -> tuple[Any, ...]:
        """A key that sorts builds from the oldest to the newest."""
        return version_key(self.version) or (), self.build_id, self.revision


@dataclass(slots=True)
class StoreSums:
    """The sums of one store."""

    pings: int = 0
    anomalies: Counter[str] = field(default_factory=Counter)
    metrics: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """By process and metric: how many pings have the metric."""

    def add(self, other: "StoreSums") -> None:
        """Add *other*."""
        self.pings += other.pings
        self.anomalies.update(other.anomalies)
        for process, counts in other.metrics.items():
            self.metrics[process].update(counts)


@dataclass(slots=True)
class RowSums:
    """How often a metric was sent in a state of drift."""

    pings: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    kind: str = ""
    owners: tuple[str, ...] = ()
    order: BuildOrder = field(default_factory=BuildOrder)  # the build that `kind` and `owners` are from

    def describe(self, order: BuildOrder, kind: str, owners: tuple[str, ...]) -> None:
        """Set *kind* and *owners* from a build, unless a newer build has set them."""
        if (order.key, kind, owners) >= (self.order.key, self.kind, self.owners):
            self.order, self.kind, self.owners = order, kind, owners

    def add(self, other: "RowSums") -> None:
        """Add *other*."""
        self.pings += other.pings
        self.reasons.update(other.reasons)
        self.describe(other.order, other.kind, other.owners)


@dataclass(frozen=True, slots=True)
class NewestBuild:
    """The definitions of the newest build that sent a ping."""

    order: BuildOrder
    probes: tuple[DefinedProbe, ...]


class ProbeSums:
    """
    The sums of records and of dropped histograms.  They may be added in any order.

    Args:
        suppress_below: Counts of fewer clients will not be shown.
    """

    def __init__(self, suppress_below: int = 1) -> None:
        self.days: set[str] = set()  # of arrival, YYYY-MM-DD
        self.stores: defaultdict[str, StoreSums] = defaultdict(StoreSums)
        self.defined: defaultdict[str, set[str]] = defaultdict(set)  # metrics by store
        self.rows: defaultdict[Row, RowSums] = defaultdict(RowSums)
        self.dropped: defaultdict[str, Counter[str]] = defaultdict(Counter)  # reasons by histogram
        self.seen: set[str] = set()  # names of definitions that were sent
        self.newest: dict[str, NewestBuild] = {}  # by source of definitions
        self.few_of_stores = FewClients(suppress_below)
        self.few_of_rows = FewClients(suppress_below)

    def add(self, other: "ProbeSums") -> None:
        """Add *other*."""
        self.days |= other.days
        for store, sums in other.stores.items():
            self.stores[store].add(sums)
        for store, metrics in other.defined.items():
            self.defined[store] |= metrics
        for row, counts in other.rows.items():
            self.rows[row].add(counts)
        for histogram, reasons in other.dropped.items():
            self.dropped[histogram].update(reasons)
        self.seen |= other.seen
        for source, newest in other.newest.items():
            self.note_newest(source, newest)
        self.few_of_stores.add_few(other.few_of_stores)
        self.few_of_rows.add_few(other.few_of_rows)

    def note_newest(self, source: str, newest: NewestBuild) -> None:
        """Keep *newest*, unless a newer build of *source* is known."""
        known = self.newest.get(source)
        if known is None or newest.order.key >= known.order.key:
            self.newest[source] = newest

    def as_value(self) -> dict[str, Any]:
        """Return them as a JSON value."""
        return {
            "days": sorted(self.days),
            "stores": {
                name: [
                    sums.pings,
                    dict(sums.anomalies),
                    {key: dict(each) for key, each in sums.metrics.items()},
                ]
                for name, sums in self.stores.items()
            },
            "defined": {store: sorted(metrics) for store, metrics in self.defined.items()},
            "rows": [
                [*row, sums.pings, dict(sums.reasons), sums.kind, sums.owners, list(sums.order)]
                for row, sums in self.rows.items()
            ],
            "dropped": {histogram: dict(reasons) for histogram, reasons in self.dropped.items()},
            "seen": sorted(self.seen),
            "newest": {
                source: [list(newest.order), [list(probe) for probe in newest.probes]]
                for source, newest in self.newest.items()
            },
            "few_of_stores": self.few_of_stores.as_value(),
            "few_of_rows": self.few_of_rows.as_value(),
        }

    @classmethod
    def from_value(cls, suppress_below: int, value: dict[str, Any]) -> "ProbeSums":
        """
        Return the sums whose `as_value` is *value*.

        Raises:
            KeyError, TypeError, ValueError: *value* has another form.
        """
        sums = cls(suppress_below)
        sums.days.update(value["days"])
        for name, (pings, anomalies, metrics) in value["stores"].items():
            sums.stores[name].add(
                StoreSums(
                    pings,
                    Counter(anomalies),
                    defaultdict(Counter, {process: Counter(each) for process, each in metrics.items()}),
                )
            )
        for store, defined in value["defined"].items():
            sums.defined[store].update(defined)
        for state, metric, pings, reasons, kind, owners, order in value["rows"]:
            sums.rows[state, metric] = RowSums(
                pings, Counter(reasons), kind, tuple(owners), BuildOrder(*order)
            )
        for histogram, reasons in value["dropped"].items():
            sums.dropped[histogram].update(reasons)
        sums.seen.update(value["seen"])
        for source, (order, probes) in value["newest"].items():
            defined_probes = tuple(
                DefinedProbe(name, kind, tuple(owners), is_expected)
                for name, kind, owners, is_expected in probes
            )
            sums.newest[source] = NewestBuild(BuildOrder(*order), defined_probes)
        sums.few_of_stores = FewClients.from_value(suppress_below, value["few_of_stores"])
        sums.few_of_rows = FewClients.from_value(suppress_below, value["few_of_rows"])
        return sums
