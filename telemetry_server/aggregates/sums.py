"""Sums of cells or of rows: what an answer is made of."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from telemetry_server.aggregates.checked_sums import MAX_SUM, SumTooLarge
from telemetry_server.aggregates.query import Selection

ID_BYTES = 16


class SealedClients(NamedTuple):
    """How many clients a sealed day adds: it has no ids, so they may be counted elsewhere as well."""

    at_least: int
    exact: int | None  # None where several of its cells were added


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
    sealed: dict[str, SealedClients] = field(default_factory=dict)  # by day
    newest: tuple[str, str] = ("", "")  # build and day

    @property
    def samples(self) -> int:
        """The number of samples."""
        return sum(self.counts.values())

    @property
    def clients_at_least(self) -> int:
        """The number of distinct clients, or the most that is certain if some are of sealed days."""
        return max(len(self.clients), *(each.at_least for each in self.sealed.values()), 0)

    @property
    def client_count(self) -> int | None:
        """The number of distinct clients; None where sealed days hide it."""
        if not self.sealed:
            return len(self.clients)
        days = list(self.sealed.values())
        return days[0].exact if len(days) == 1 and not self.clients else None

    def add(self, more: "Sums") -> None:
        """Add other sums; a ping that is in both is counted twice."""
        for name in ("sum", "sum_samples", "sum_unknown", "instances", "pings", "without_client"):
            setattr(self, name, getattr(self, name) + getattr(more, name))
        for start, count in more.counts.items():
            self.counts[start] += count
        for label, count in more.by_label.items():
            self.by_label[label] += count
        self.clients |= more.clients
        for day, clients in more.sealed.items():
            known = self.sealed.get(day)
            at_least = max(clients.at_least, 0 if known is None else known.at_least)
            self.sealed[day] = SealedClients(at_least, clients.exact if known is None else None)
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


def total_of(several: Iterable[Sums]) -> Sums:
    """Return the total of *several* sums."""
    total = Sums()
    for each in several:
        total.add(each)
    return total


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
    # Of a labeled counter, which is one histogram: what each client sent for each label.
    client_labels: dict[SumKey, dict[bytes, dict[str, int]]] = field(
        default_factory=lambda: defaultdict(dict)
    )


def pings_of_unions(
    cells: Sequence[tuple[int, str | None, str | None, str, int]], selection: Selection
) -> dict[tuple[int, str, str], int]:
    """
    Return the distinct pings by dimensions, label and shape.

    Args:
        cells: Dimensions, process, label, shape and pings, unions included: where the union of
            some processes or labels is missing, there is only one cell of these.
    """
    processes = selection.processes
    process = next(iter(processes)) if len(processes) == 1 else None
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
        elif of_process is not None and of_label is not None and (not processes or of_process in processes):
            single[key] += pings
    return {**single, **unions}
