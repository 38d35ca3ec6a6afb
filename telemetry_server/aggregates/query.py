"""What is asked of aggregates: a metric, a selection, and by what its sums are grouped."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from telemetry_server.aggregates.dimensions import FILTERS, UNKNOWN, Dimensions, is_implausible

PING = ""
"""The metric that counts pings, whatever these measured."""
GROUPINGS = ("build", "day", "version", "branch")
TOTAL = "all"
"""The one group of a question for all groups together."""
DEFAULT_PERCENTILES = ("5", "25", "50", "75", "95")


@dataclass(frozen=True, slots=True)
class Selection:
    """
    Which cells count.

    Attributes:
        filters: Wanted values by the name of a dimension; a version is a major one.
        processes: Wanted processes; empty for the union of all.
        label: The wanted key of a keyed metric; None for the union of all.
        by_label: Each label is a group of its own.
    """

    filters: Mapping[str, frozenset[str]] = field(default_factory=dict)
    processes: frozenset[str] = frozenset()
    label: str | None = None
    by_label: bool = False

    def wants(self, dimensions: Dimensions) -> bool:
        """Return whether pings with *dimensions* are selected."""
        return all(getattr(dimensions, name) in values for name, values in self.filters.items())

    def wants_process(self, process: str | None) -> bool:
        """Return whether cells of *process* are selected; None is a union, and is not."""
        return process is not None and (not self.processes or process in self.processes)

    def wants_label(self, label: str | None) -> bool:
        """Return whether cells of *label* are selected; None is a union, and is not."""
        return label is not None and self.label in (None, label)

    def wants_cell(self, process: str | None, label: str | None) -> bool:
        """Return whether a cell is selected; a union is not."""
        return self.wants_process(process) and self.wants_label(label)


@dataclass(frozen=True, slots=True)
class HistogramQuery:
    """One question for a histogram."""

    metric: str
    by: str = "build"
    selection: Selection = field(default_factory=Selection)
    experiment: str = ""
    first: str = ""  # YYYYMMDD, of builds or days
    last: str = ""
    weight: str = "samples"
    percentiles: tuple[str, ...] = DEFAULT_PERCENTILES
    compare: str = ""  # a version, or a build date
    merges: bool = False  # shapes are added where that is possible
    is_smoothed: bool = False
    is_total: bool = False  # all groups together are one
    hidden: frozenset[str] = frozenset()  # groups that are not in the total

    def group_of(self, dimensions: Dimensions, day: str) -> str | None:
        """Return the group of pings with *dimensions* that came on *day*; None outside of the bounds."""
        group = self._own_group(dimensions, day)
        if group in self.hidden:
            return None
        return TOTAL if self.is_total and group is not None else group

    def _own_group(self, dimensions: Dimensions, day: str) -> str | None:
        if self.by == "version":
            return dimensions.version
        group = day if self.by == "day" else dimensions.build_date
        if self.by == "branch":
            group = day
        if (self.first and group < self.first) or (self.last and group > self.last):
            return None
        return group or UNKNOWN

    def compared(self) -> "HistogramQuery | None":
        """Return the question for the histogram to compare with; None where there is none."""
        if not self.compare:
            return None
        plain = replace(self, compare="", first="", last="")
        if len(self.compare) == 8:
            return replace(plain, by="build", first=self.compare, last=self.compare)
        filters = {**self.selection.filters, "version": frozenset({self.compare})}
        return replace(plain, by="version", selection=replace(self.selection, filters=filters))


def selection_of(
    values: Mapping[str, str | None], *, process: str | None = None, label: str | None = None
) -> Selection:
    """Return the selection of single *values* by dimension; those that are empty select all."""
    filters = {
        name: frozenset({value.partition(".")[0] if name == "version" else value})
        for name in FILTERS
        if (value := values.get(name))
    }
    return Selection(filters, frozenset({process} if process else ()), label)


def why_left_out(
    dimensions: Dimensions, day: str, reasons: tuple[str, ...] = ("automation", "implausible_build")
) -> str | None:
    """Return which of *reasons* keeps pings out of a view; None where none does."""
    if "automation" in reasons and dimensions.is_automation:
        return "automation"
    if "implausible_build" in reasons and is_implausible(dimensions.build_date, day):
        return "implausible_build"
    return None


GroupOf = Callable[[Dimensions, str], str | None]
