"""The cells of one measurement on a day that is sealed: those of few clients are merged into `OTHER`."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from storage.aggregates.summary_file import Block
from telemetry_server.aggregates.cells import NUMBERS
from telemetry_server.aggregates.dimensions import OTHER, Dimensions, is_implausible
from telemetry_server.aggregates.sums import ID_BYTES

# The build date of implausible builds that were merged: it is implausible as well.
MERGED_IMPLAUSIBLE_BUILD = "19700101"


class CellKey(NamedTuple):
    """What a cell is for."""

    process: str
    label: str
    shape: str
    dimensions: Dimensions


class UnionKey(NamedTuple):
    """What a union is for: of all processes, of all labels, or of both."""

    process: str | None
    label: str | None
    shape: str
    dimensions: Dimensions


@dataclass(slots=True)
class Cell:
    """The sums of a cell."""

    counts: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # by bucket start
    numbers: list[int] = field(default_factory=lambda: [0] * len(NUMBERS))
    clients: set[bytes] = field(default_factory=set)

    def add(self, more: "Cell") -> None:
        """Add another cell; a ping that is in both is counted twice."""
        for start, count in more.counts.items():
            self.counts[start] += count
        self.numbers = [one + other for one, other in zip(self.numbers, more.numbers, strict=True)]
        self.clients |= more.clients


@dataclass(slots=True)
class MetricCells:
    """The cells of one measurement, and the distinct pings of their unions."""

    cells: dict[CellKey, Cell] = field(default_factory=lambda: defaultdict(Cell))
    unions: dict[UnionKey, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, block: Block, dimensions: tuple[Dimensions, ...], ids: bytes) -> None:
        """Add the cells of a block, whose pings are in no other."""
        columns, values = block.columns, block.values
        processes, labels, shapes = (dict(values[name]) for name in ("process", "label", "shape"))
        stored: dict[UnionKey, int] = {}
        single: dict[UnionKey, int] = {}
        end = client_end = 0
        for place, number in enumerate(columns["dimensions"]):
            start, client_start = end, client_end
            end += columns["starts_length"][place]
            client_end += columns["clients_length"][place]
            process, label = processes[columns["process"][place]], labels[columns["label"][place]]
            shape, own = shapes[columns["shape"][place]], dimensions[number]
            pings = columns["pings"][place]
            if process is None or label is None:
                stored[UnionKey(process, label, shape, own)] = pings
                continue
            cell = self.cells[CellKey(process, label, shape, own)]
            for bucket in range(start, end):
                cell.counts[columns["starts"][bucket]] += columns["counts"][bucket]
            for at, name in enumerate(NUMBERS):
                cell.numbers[at] += columns[name][place]
            clients = columns["clients"][client_start:client_end]
            cell.clients.update(ids[ID_BYTES * each : ID_BYTES * (each + 1)] for each in clients)
            for key in _unions_of(CellKey(process, label, shape, own)):
                single[key] = pings  # right where it is the union of one cell, else it is stored
        for key, pings in {**single, **stored}.items():
            self.unions[key] += pings

    def sealed(self, day: str, seal_below: int) -> "MetricCells":
        """Return cells of at least *seal_below* clients, as far as merging can make them."""
        levels = _levels(self.cells, day, seal_below)
        found = MetricCells()
        for key, cell in self.cells.items():
            target = _merged_key(key, levels[key], day)
            found.cells[target].add(cell)
            for union in _unions_of(target):
                found.unions[union] += 0
        finest: dict[UnionKey, tuple[int, CellKey]] = {}
        for key, level in levels.items():
            for union in _unions_of(key):
                at = (level, _merged_key(key, level, day))
                finest[union] = min(finest.get(union, at), at)
        for union, pings in self.unions.items():
            # Distinct pings of a union count once, where the most detailed of its cells is.
            target = finest[union][1]
            process = None if union.process is None else target.process
            label = None if union.label is None else target.label
            found.unions[UnionKey(process, label, target.shape, target.dimensions)] += pings
        return found


def _unions_of(key: CellKey) -> Iterable[UnionKey]:
    """Return the unions that a cell is in."""
    process, label, shape, dimensions = key
    return (
        UnionKey(None, label, shape, dimensions),
        UnionKey(process, None, shape, dimensions),
        UnionKey(None, None, shape, dimensions),
    )


def _levels(cells: Mapping[CellKey, Cell], day: str, seal_below: int) -> dict[CellKey, int]:
    """Return how far each cell is merged: a step further as long as the cell that it is in is too small."""
    levels = dict.fromkeys(cells, 0)
    while True:
        clients: dict[CellKey, set[bytes]] = defaultdict(set)
        members: dict[CellKey, list[CellKey]] = defaultdict(list)
        for key, cell in cells.items():
            target = _merged_key(key, levels[key], day)
            clients[target] |= cell.clients
            members[target].append(key)
        moved = [
            key
            for target, ids in clients.items()
            if len(ids) < seal_below
            for key in members[target]
            if levels[key] < MAX_LEVEL
        ]
        if not moved:
            return levels
        for key in moved:
            levels[key] += 1


MAX_LEVEL = 3


def _merged_key(key: CellKey, level: int, day: str) -> CellKey:
    """
    Return the key of the cell that *key* is merged into.

    Level 1 merges labels, 2 also systems, architectures and countries, 3 everything but processes and
    shapes.  What is left out of answers stays apart.
    """
    process, label, shape, own = key
    if level >= 1 and label:
        label = OTHER
    if level == 2:
        own = own._replace(os=OTHER, os_version=OTHER, architecture=OTHER, country=OTHER)
    if level == MAX_LEVEL:
        build = MERGED_IMPLAUSIBLE_BUILD if is_implausible(own.build_date, day) else ""
        texts = dict.fromkeys(Dimensions._fields, OTHER) | {"build_date": build}
        own = Dimensions(**{**texts, "is_automation": own.is_automation})  # type: ignore[arg-type]
    return CellKey(process, label, shape, own)
