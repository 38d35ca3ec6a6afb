"""Adds up the cells of one summary, as a question asks for them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any

from storage.aggregates.summary_file import Block
from telemetry_server.aggregates.dimensions import Dimensions
from telemetry_server.aggregates.query import GroupOf, Selection, why_left_out
from telemetry_server.aggregates.sums import ID_BYTES, Found, SealedClients, Sums, pings_of_unions

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
        columns, selection = block.columns, self.asked.selection
        wanted_processes = {number for number, word in processes.items() if selection.wants_process(word)}
        wanted_labels = {number for number, word in labels.items() if selection.wants_label(word)}
        places: dict[tuple[str, int, int], list[int]] = defaultdict(list)
        keys = zip(*(columns[name] for name in ("dimensions", "process", "label", "shape")), strict=True)
        for place, (number, process, label, shape) in enumerate(keys):
            group = groups[number]
            if group is not None and process in wanted_processes and label in wanted_labels:
                places[group, label if selection.by_label else -1, shape].append(place)
        cells = _Cells(columns, labels)
        whole_day = block.values.get(WHOLE_DAY, {}).get(",".join(self.asked.leaves_out), {})
        for (group, label, shape), own in places.items():
            of_shape = shapes[shape] or ""
            to = self.found.sums[group, labels[label] or "" if label >= 0 else "", of_shape]
            cells.add_sums(own, to)
            if self.asked.with_clients:
                numbers = set(map(columns["dimensions"].__getitem__, own))
                newest = max(self.dimensions[number].build_date for number in numbers)
                to.newest = max(to.newest, (newest, self.day))
                to.clients.update(cells.clients_of(own, self.ids))
                sealed = cells.sealed_clients(own, whole_day.get(of_shape, (0, 0)))
                if sealed is not None:
                    to.sealed[self.day] = sealed


class _Cells:
    """The cells of one block, which are added up by their places."""

    def __init__(self, columns: Mapping[str, Sequence[int]], labels: Words) -> None:
        self._columns = columns
        self._labels = labels
        self._ends = list(accumulate(columns["starts_length"], initial=0))
        self._client_ends = list(accumulate(columns["clients_length"], initial=0))

    def add_sums(self, places: Sequence[int], to: Sums) -> None:
        """Add the sums of the cells at *places*, but pings and clients."""
        columns, ends = self._columns, self._ends
        starts, counts, labels = columns["starts"], columns["counts"], columns["label"]
        own, before = to.counts, to.samples
        for place in places:
            first, last = ends[place], ends[place + 1]
            for start, count in zip(starts[first:last], counts[first:last], strict=True):
                own[start] += count
        if len(self._labels) == 1:
            to.by_label[self._labels[labels[places[0]]] or ""] += to.samples - before
        else:
            for place in places:
                to.by_label[self._labels[labels[place]] or ""] += sum(counts[ends[place] : ends[place + 1]])
        for name in ("sum", "sum_samples", "sum_unknown", "instances", "without_client"):
            setattr(to, name, getattr(to, name) + sum(map(columns[name].__getitem__, places)))

    def clients_of(self, places: Sequence[int], ids: bytes) -> Iterator[bytes]:
        """Yield the ids of the clients of the cells at *places*."""
        clients, ends = self._columns["clients"], self._client_ends
        for number in set(chain.from_iterable(clients[ends[place] : ends[place + 1]] for place in places)):
            yield ids[ID_BYTES * number : ID_BYTES * (number + 1)]

    def sealed_clients(self, places: Sequence[int], whole_day: Sequence[int]) -> SealedClients | None:
        """
        Return how many clients the cells at *places* of a sealed day have; None without one.

        Args:
            whole_day: How many cells with clients the day has, and how many distinct clients.
        """
        distinct = self._columns.get(DISTINCT_CLIENTS)
        found = [] if distinct is None else [distinct[place] for place in places if distinct[place]]
        if not found:
            return None
        cells, clients = whole_day
        if len(found) == cells:
            return SealedClients(clients, clients)
        return SealedClients(max(found), found[0] if len(found) == 1 else None)
