"""Finds the sums that a question is about: in the summaries, or in the rows of the tables if needed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeVar

from storage.data_root import DataRoot
from storage.ledger.tables_ledger import TablesLedger
from telemetry_server.aggregates.buckets import CUSTOM, LABELED_COUNTER, OWN_SHAPES, GleanBuckets
from telemetry_server.aggregates.query import PING, HistogramQuery, Selection
from telemetry_server.aggregates.stored_sums import DaySums, StoredSums, read_days
from telemetry_server.aggregates.sums import Found
from telemetry_server.records.shapes import Shape, shape_id

if TYPE_CHECKING:
    from telemetry_server.aggregates.row_sums import DayFiles


class Definitions(Protocol):
    """What the revision cache says of metrics."""

    def has(self, metric: str) -> bool:
        """Return whether some revision defines *metric*."""

    def revisions_of(self, metric: str, shape: str) -> list[str]:
        """Return the revisions by whose definition *metric* has the shape with this id."""

    def description_of(self, metric: str) -> str:
        """Return the description of *metric* by the newest revision that defines it."""

    def glean_buckets_of(self, metric: str) -> GleanBuckets:
        """Return the buckets in the definitions of a Glean metric."""


@dataclass(frozen=True)
class Reader:
    """
    Reads the aggregates of one data root.

    Args:
        suppress_below: Groups of fewer clients are not shown.
        through: The last day of arrival that counts, YYYYMMDD; empty for all.
        after: Only later days of arrival count.
    """

    root: DataRoot
    definitions: Definitions
    suppress_below: int = 1
    through: str = ""
    after: str = ""

    @cached_property
    def days(self) -> list[DaySums]:
        """The day tables, the oldest first."""
        return [day for day in read_days(self.root, self.after, self.through) if day.table.day != self.after]

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """Every shape by its id."""
        with TablesLedger.for_reading(self.root) as ledger:
            found = {id_: Shape(row.kind, row.starts, row.labels) for id_, row in ledger.shapes().items()}
        return {**found, **{shape_id(shape): shape for shape in OWN_SHAPES}}

    @property
    def as_of(self) -> str | None:
        """The arrival of the newest ping that is in a day table."""
        return max((summary.index["as_of"] for day in self.days for summary in day.summaries), default=None)

    @property
    def through_day(self) -> str | None:
        """The last day with a table."""
        return self.days[-1].table.day if self.days else None

    @property
    def sealed_days(self) -> list[str]:
        """The days whose records are gone."""
        return [day.table.day for day in self.days if day.table.is_sealed]

    def glean_buckets(self, metric: str, shape: str) -> GleanBuckets:
        """Return the defined buckets of *metric*; empty if its *shape* already has them."""
        kind = self.shapes[shape].kind
        is_defined = kind == LABELED_COUNTER.kind or kind.endswith(CUSTOM)
        return self.definitions.glean_buckets_of(metric) if is_defined else GleanBuckets()

    def days_behind(self, first: str = "", last: str = "") -> list[str]:
        """Return the days from *first* to *last*, where given, that are not summed up to date."""
        from telemetry_server.aggregates.update import days_behind

        lasts = [day for day in (last, self.through) if day]
        return days_behind(self.root, first, min(lasts, default=""))

    def days_behind_of(self, query: HistogramQuery) -> list[str]:
        """Return the days that a question is about and that are not summed up to date."""
        if query.by == "branch":
            return []  # it reads the rows
        return self.days_behind(*_bounds(query))

    def sums(self, query: HistogramQuery, metric: str | None = None) -> Found:
        """Return the sums of a question, or of another *metric* for the same selection."""
        name = query.metric if metric is None else metric
        # What is not measured has no process and no label.
        selection = (
            query.selection if metric is None else replace(query.selection, label=None, processes=frozenset())
        )
        # Pings alone are counted by the summaries, whatever the weighting is.
        if query.by == "branch" or (query.weight == "clients" and metric != PING):
            return self.rows(query, name, selection)
        asked = StoredSums(name, selection, query.group_of, with_clients=metric is None)
        return asked.of_days(self.days_of(query))

    def days_of(self, query: HistogramQuery) -> list[DaySums]:
        """Return the days that a question is about."""
        first, last = _bounds(query)
        return [
            day
            for day in self.days
            if (not first or day.table.day >= first) and (not last or day.table.day <= last)
        ]

    def rows(self, query: HistogramQuery, metric: str, selection: Selection) -> Found:
        """Return the sums of rows, with what each client sent."""
        from telemetry_server.aggregates.row_sums import RowSums

        asked = RowSums(metric, selection, query.group_of, query.experiment if query.by == "branch" else "")
        bounds = _bounds(query)
        sealed = frozenset(self.sealed_days)

        def read(days: "list[DayFiles]") -> Found:
            # The tables of a sealed day hold only what came after its records were removed.
            return asked.of_days(
                day
                for day in days
                if day.day not in sealed
                and day.day > self.after
                and (not self.through or day.day <= self.through)
            )

        return with_open_files(self.root, read, bounds)

    def is_stored(self, metric: str) -> bool:
        """Return whether the tables have a value of *metric*, also one that counts nowhere."""
        from telemetry_server.aggregates.stored_metrics import is_stored

        return with_open_files(self.root, lambda days: is_stored(days, metric), ("", ""))


def _bounds(query: HistogramQuery) -> tuple[str, str]:
    """Return the first and the last day of arrival that a question names; empty for all."""
    return (query.first, query.last) if query.by in ("day", "branch") else ("", "")


Made = TypeVar("Made")


def with_open_files(
    root: DataRoot, read: "Callable[[list[DayFiles]], Made]", bounds: tuple[str, str]
) -> Made:
    """Return what *read* makes of the table files of the days within *bounds*."""
    from telemetry_server.aggregates.row_sums import day_files_of
    from telemetry_server.analysis.catalogue import catalogue_of
    from telemetry_server.analysis.committed_files import Snapshot

    with Snapshot(catalogue_of(root).files) as snapshot:
        return read(day_files_of(snapshot.days, *bounds))
