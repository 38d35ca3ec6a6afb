"""Adds up the cells of one summary, as a question asks for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

from storage.aggregates.summary_file import Block
from telemetry_server.aggregates.dimensions import Dimensions
from telemetry_server.aggregates.query import GroupOf, Selection, why_left_out
from telemetry_server.aggregates.sums import ID_BYTES, Found, SealedClients, SumKey, Sums, pings_of_unions

DISTINCT_CLIENTS = "distinct_clients"
"""The column of sealed cells that says how many clients each has."""
WHOLE_DAY = "whole_day"
"""The value of sealed blocks that says how many clients all cells have, by view and shape."""
VIEWS = (("automation", "implausible_build"), ("automation",))
"""What is left out of histograms, and of counts of clients."""
Words = Mapping[int, str | None]
"""Words by their number; None for a union."""


@dataclass(slots=True)
class StoredQuestion:
    """What is asked of summaries."""

    metric: str
    selection: Selection
    group_of: GroupOf
    leaves_out: tuple[str, ...] = VIEWS[0]
    with_clients: bool = True


class Groups(dict[Dimensions, str | None]):
    """
    The group of dimensions on one day; None for those that are not wanted or are left out.

    Each is found once, though it may be in many summaries.
    """

    def __init__(self, asked: StoredQuestion, day: str) -> None:
        super().__init__()
        self._asked = asked
        self._day = day
        self.left_out: dict[Dimensions, str] = {}
        """Why wanted dimensions are left out."""

    def __missing__(self, dimensions: Dimensions) -> str | None:
        asked = self._asked
        group = asked.group_of(dimensions, self._day) if asked.selection.wants(dimensions) else None
        if group is not None:
            reason = why_left_out(dimensions, self._day, asked.leaves_out)
            if reason is not None:
                self.left_out[dimensions] = reason
                group = None
        self[dimensions] = group
        return group


@dataclass(slots=True)
class SummarySums:
    """Adds the cells of one summary to what was found."""

    asked: StoredQuestion
    found: Found
    day: str
    dimensions: tuple[Dimensions, ...]
    groups: Groups
    ids: bytes

    def add(self, block: Block) -> None:
        """Add the cells of *block*."""
        columns, values = block.columns, block.values
        processes, labels, shapes = (dict(values[name]) for name in ("process", "label", "shape"))
        groups = [self.groups[each] for each in self.dimensions]
        self._add_cells(block, groups, processes, labels, shapes)
        self._add_pings(columns, groups, processes, labels, shapes)

    def _add_pings(
        self,
        columns: Mapping[str, Sequence[int]],
        groups: Sequence[str | None],
        *words: Mapping[int, Any],
    ) -> None:
        processes, labels, shapes = words
        reasons = [self.groups.left_out.get(each) for each in self.dimensions]
        cells = [
            (number, processes[process], labels[label], shapes[shape], pings)
            for number, process, label, shape, pings in zip(
                *(columns[name] for name in ("dimensions", "process", "label", "shape", "pings")), strict=True
            )
            if groups[number] is not None or reasons[number] is not None
        ]
        for (number, label, shape), pings in pings_of_unions(cells, self.asked.selection).items():
            reason = reasons[number]
            if reason is not None:
                self.found.left_out[reason] += pings
            else:
                self.found.sums[groups[number] or "", label, shape].pings += pings

    def _add_cells(
        self, block: Block, groups: Sequence[str | None], processes: Words, labels: Words, shapes: Words
    ) -> None:
        columns = block.columns
        selection = self.asked.selection
        adders: dict[SumKey, _Adder] = {}
        starts, counts, clients = columns["starts"], columns["counts"], columns["clients"]
        rows = zip(
            *(columns[name] for name in ("dimensions", "process", "label", "shape")),
            *(columns[name] for name in ("starts_length", "clients_length")),
            columns.get(DISTINCT_CLIENTS, repeat(0, len(columns["process"]))),
            *(columns[name] for name in ("sum", "sum_samples", "sum_unknown", "instances", "without_client")),
            strict=True,
        )
        end = client_end = 0
        for number, process, label, shape, length, client_length, distinct, *numbers in rows:
            start, client_start = end, client_end
            end, client_end = end + length, client_end + client_length
            group = groups[number]
            of_process, of_label = processes[process], labels[label]
            if group is None or of_process is None or of_label is None:
                continue
            if not selection.wants_cell(of_process, of_label):
                continue
            key = group, of_label if selection.by_label else "", shapes[shape] or ""
            adder = adders.get(key)
            if adder is None:
                adder = adders[key] = _Adder(self.found.sums[key])
            adder.add(of_label, starts[start:end], counts[start:end], numbers)
            if self.asked.with_clients:
                adder.clients.update(clients[client_start:client_end])
                adder.newest_build = max(adder.newest_build, self.dimensions[number].build_date)
                if distinct:
                    adder.distinct.append(distinct)
        whole_day = block.values.get(WHOLE_DAY, {}).get(",".join(self.asked.leaves_out), {})
        for key, adder in adders.items():
            adder.finish(self.ids if self.asked.with_clients else None, self.day, whole_day.get(key[2]))


@dataclass(slots=True)
class _Adder:
    """Adds cells of one block to the sums of one group and shape."""

    to: Sums
    clients: set[int] = field(default_factory=set)  # by their number in the summary
    distinct: list[int] = field(default_factory=list)  # clients of sealed cells
    newest_build: str = ""

    def add(self, label: str, starts: Sequence[int], counts: Sequence[int], numbers: Sequence[int]) -> None:
        """Add one cell."""
        to = self.to
        own = to.counts
        for start, count in zip(starts, counts, strict=True):
            own[start] += count
        to.by_label[label] += sum(counts)
        to.sum += numbers[0]
        to.sum_samples += numbers[1]
        to.sum_unknown += numbers[2]
        to.instances += numbers[3]
        to.without_client += numbers[4]

    def finish(self, ids: bytes | None, day: str, whole_day: Sequence[int] | None) -> None:
        """
        Add the clients.

        Args:
            ids: Those of the summary; None if clients are not wanted.
            whole_day: Cells with clients, and distinct clients, of the whole of a sealed day.
        """
        if ids is None:
            return
        self.to.clients.update(ids[ID_BYTES * each : ID_BYTES * (each + 1)] for each in self.clients)
        self.to.newest = max(self.to.newest, (self.newest_build, day))
        if not self.distinct:
            return
        cells, distinct = whole_day or (0, 0)
        if len(self.distinct) == cells:
            self.to.sealed[day] = SealedClients(distinct, distinct)
        else:
            exact = self.distinct[0] if len(self.distinct) == 1 else None
            self.to.sealed[day] = SealedClients(max(self.distinct), exact)
