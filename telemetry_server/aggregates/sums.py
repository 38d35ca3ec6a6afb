"""Sums of cells or of rows: what an answer is made of."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from telemetry_server.aggregates.checked_sums import MAX_SUM, SumTooLarge
from telemetry_server.aggregates.query import Selection


@dataclass(slots=True)
class Sums:
    """The sums of one group and shape."""

    counts: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # by bucket start
    by_label: dict[str, int] = field(default_factory=lambda: defaultdict(int))  # samples
    sum: int = 0
    sum_samples: int = 0
    sum_unknown: int = 0
    instances: int = 0
    pings: int = 0
    without_client: int = 0
    clients: set[bytes] = field(default_factory=set)
    newest: tuple[str, str] = ("", "")  # build and day

    @property
    def samples(self) -> int:
        """The number of samples."""
        return sum(self.counts.values())

    def add(self, more: "Sums") -> None:
        """Add other sums; a ping that is in both is counted twice."""
        for name in ("sum", "sum_samples", "sum_unknown", "instances", "pings", "without_client"):
            setattr(self, name, getattr(self, name) + getattr(more, name))
        for start, count in more.counts.items():
            self.counts[start] += count
        for label, count in more.by_label.items():
            self.by_label[label] += count
        self.clients |= more.clients
        self.newest = max(self.newest, more.newest)

    def copy(self) -> "Sums":
        """Return sums that can be added to without a change of these."""
        copied = Sums()
        copied.add(self)
        return copied

    def check(self, metric: str) -> "Sums":
        """
        Return these sums.

        Raises:
            SumTooLarge: One does not fit into 64 bits.
        """
        if max(self.samples, abs(self.sum), self.sum_samples) > MAX_SUM:
            raise SumTooLarge(metric)
        return self


SumKey = tuple[str, str, str]
"""Group, label ("" unless labels are groups), shape."""


@dataclass(slots=True)
class Found:
    """Everything that a question found."""

    sums: dict[SumKey, Sums] = field(default_factory=lambda: defaultdict(Sums))
    left_out: dict[str, int] = field(default_factory=lambda: {"automation": 0, "implausible_build": 0})
    is_seen: bool = False  # the metric, whatever the selection
    # Of answers from rows: what each client sent, and sum and number of its values where it sent sums.
    has_rows: bool = False
    by_client: dict[SumKey, dict[bytes, dict[int, int]]] = field(default_factory=lambda: defaultdict(dict))
    client_sums: dict[SumKey, dict[bytes, tuple[int, int]]] = field(default_factory=lambda: defaultdict(dict))


def pings_of_unions(
    cells: Sequence[tuple[int, str | None, str | None, str, int]], selection: Selection
) -> dict[tuple[int, str, str], int]:
    """
    Return the distinct pings by dimensions, label and shape.

    Args:
        cells: Dimensions, process, label, shape and pings, unions included: where the union of
            some processes or labels is missing, there is only one cell of these.
    """
    process = next(iter(selection.processes)) if len(selection.processes) == 1 else None
    label = selection.label
    unions: dict[tuple[int, str, str], int] = {}
    single: dict[tuple[int, str, str], int] = defaultdict(int)
    for dimensions, of_process, of_label, shape, pings in cells:
        if selection.by_label:
            if of_label is None or label not in (None, of_label):
                continue
            key = dimensions, of_label, shape
            is_union = of_process is None and process is None
        else:
            if label is not None and of_label != label:
                continue
            key = dimensions, "", shape
            is_union = of_process == process and of_label == label and None in (process, label)
        if is_union:
            unions[key] = pings
        elif of_process is not None and of_label is not None and selection.wants_cell(of_process, of_label):
            single[key] += pings
    return {**single, **unions}
