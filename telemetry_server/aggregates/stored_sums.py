"""Answers from the summaries, without the tables."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from pathlib import Path

from storage.aggregates.day_table import DayTable, days_with_table, folder_of, read_day_table
from storage.aggregates.summary_file import CLIENTS, Block, Summary
from storage.data_root import DataRoot
from storage.errors import BrokenAggregate
from telemetry_server.aggregates.dimensions import Dimensions, capped
from telemetry_server.aggregates.query import PING, GroupOf, Selection, why_left_out
from telemetry_server.aggregates.sums import ID_BYTES, Found, SealedClients, SumKey, pings_of_unions

MAX_OPEN = 128
ATTEMPTS = 10
DISTINCT_CLIENTS = "distinct_clients"
"""The column of sealed cells that says how many clients each has."""
VIEWS = (("automation", "implausible_build"), ("automation",))
"""What is left out of histograms, and of counts of clients."""
Words = Mapping[int, str | None]
"""Words by their number; None for a union."""


@dataclass(frozen=True, slots=True)
class DaySums:
    """The summaries of one day."""

    table: DayTable
    summaries: tuple[Summary, ...]


@lru_cache(maxsize=MAX_OPEN)
def _summary(path: Path, _digest: str) -> Summary:
    return Summary(path)


@lru_cache(maxsize=MAX_OPEN)
def _dimensions(path: Path, _digest: str) -> tuple[Dimensions, ...]:
    return tuple(Dimensions(*values) for values in _summary(path, _digest).index["dimensions"])


def read_days(root: DataRoot, first: str = "", last: str = "") -> Iterator[DaySums]:
    """
    Yield the days from *first* to *last* (all if empty), the oldest first.

    Raises:
        BrokenAggregate: A file is damaged; `aggregate --check` names the day.
        OSError: One cannot be read.
    """
    for day in days_with_table(root):
        if (first and day < first) or (last and day > last):
            continue
        found = _read_day(root, day)
        if found is not None:
            yield found


def _read_day(root: DataRoot, day: str) -> DaySums | None:
    for attempt in range(ATTEMPTS):
        table = read_day_table(root, day)
        if table is None:
            return None
        try:
            folder = folder_of(root, day)
            return DaySums(
                table, tuple(_summary(folder / part.file_name, part.digest) for part in table.parts)
            )
        except FileNotFoundError as error:
            # Replaced since the list was read.
            if attempt == ATTEMPTS - 1:
                raise BrokenAggregate(f"{error.filename}: gone") from None
    raise AssertionError("unreachable")


def dimensions_of_day(day: DaySums) -> list[tuple[Dimensions, ...]]:
    """Return the dimensions of each summary of *day*; rare ones of very many values are `OTHER`."""
    folder = day.summaries
    found = [
        _dimensions(summary.path, part.digest) for summary, part in zip(folder, day.table.parts, strict=True)
    ]
    return capped(found, lambda: _ping_counts(day, found))


def _ping_counts(day: DaySums, dimensions: list[tuple[Dimensions, ...]]) -> Iterator[tuple[Dimensions, int]]:
    for summary, own in zip(day.summaries, dimensions, strict=True):
        for block in summary.blocks(PING):
            yield from zip(
                (own[number] for number in block.columns["dimensions"]), block.columns["pings"], strict=True
            )


@dataclass(slots=True)
class StoredSums:
    """Adds up the summaries of days."""

    metric: str
    selection: Selection
    group_of: GroupOf
    leaves_out: tuple[str, ...] = VIEWS[0]
    with_clients: bool = True

    def of_days(self, days: Iterable[DaySums]) -> Found:
        """
        Return the sums over *days*.

        Raises:
            SumTooLarge: One does not fit into 64 bits.
            BrokenAggregate: A file is damaged.
        """
        found = Found()
        for day in days:
            self._add_day(found, day)
        for sums in found.sums.values():
            sums.check(self.metric)
        return found

    def _add_day(self, found: Found, day: DaySums) -> None:
        all_dimensions = dimensions_of_day(day)
        for summary, dimensions in zip(day.summaries, all_dimensions, strict=True):
            blocks = summary.blocks(self.metric)
            if not blocks:
                continue
            found.is_seen = True
            groups = [
                self.group_of(each, day.table.day) if self.selection.wants(each) else None
                for each in dimensions
            ]
            reasons = [why_left_out(each, day.table.day, self.leaves_out) for each in dimensions]
            ids = summary.blocks(CLIENTS)[0].columns["ids"].tobytes()
            whole = _clients_of_day(summary, self.metric, self.leaves_out)
            for block in blocks:
                _BlockSums(self, found, day.table.day, dimensions, groups, reasons, ids, whole).add(block)


def _clients_of_day(summary: Summary, metric: str, leaves_out: tuple[str, ...]) -> dict[str, list[int]]:
    """Return cells and distinct clients of *metric* on a sealed day, by shape; empty for other days."""
    views = summary.index["metrics"][metric].get("clients", {})
    found: dict[str, list[int]] = views.get(",".join(leaves_out), {})
    return found


@dataclass(slots=True)
class _BlockSums:
    """Adds the cells of blocks of one summary to what was found."""

    asked: StoredSums
    found: Found
    day: str
    dimensions: tuple[Dimensions, ...]
    groups: list[str | None]
    reasons: list[str | None]
    ids: bytes
    whole_day: Mapping[str, list[int]]  # of a sealed day: cells and distinct clients, by shape

    def add(self, block: Block) -> None:
        """Add the cells of *block*."""
        columns, values = block.columns, block.values
        processes, labels, shapes = (dict(values[name]) for name in ("process", "label", "shape"))
        keys = [
            (number, processes[process], labels[label], shapes[shape], pings)
            for number, process, label, shape, pings in zip(
                *(columns[name] for name in ("dimensions", "process", "label", "shape", "pings")), strict=True
            )
            if self.groups[number] is not None
        ]
        self._add_cells(block, processes, labels, shapes)
        for (number, label, shape), pings in pings_of_unions(keys, self.asked.selection).items():
            reason = self.reasons[number]
            if reason is not None:
                self.found.left_out[reason] += pings
            else:
                self.found.sums[self.groups[number] or "", label, shape].pings += pings

    def _add_cells(self, block: Block, processes: Words, labels: Words, shapes: Mapping[int, str]) -> None:
        columns = block.columns
        selection, sums = self.asked.selection, self.found.sums
        sealed: dict[SumKey, list[int]] = defaultdict(list)
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
            group = self.groups[number]
            of_process, of_label = processes[process], labels[label]
            if group is None or self.reasons[number] is not None or of_process is None or of_label is None:
                continue
            if not selection.wants_cell(of_process, of_label):
                continue
            key = group, of_label if selection.by_label else "", shapes[shape]
            to = sums[key]
            for place in range(start, end):
                to.counts[starts[place]] += counts[place]
            to.by_label[of_label] += sum(counts[start:end])
            to.sum += numbers[0]
            to.sum_samples += numbers[1]
            to.sum_unknown += numbers[2]
            to.instances += numbers[3]
            to.without_client += numbers[4]
            if not self.asked.with_clients:
                continue
            to.clients.update(
                self.ids[ID_BYTES * client : ID_BYTES * (client + 1)]
                for client in clients[client_start:client_end]
            )
            if distinct:
                sealed[key].append(distinct)
            to.newest = max(to.newest, (self.dimensions[number].build_date, self.day))
        for key, of_cells in sealed.items():
            sums[key].sealed[self.day] = self._sealed_clients(key[2], of_cells)

    def _sealed_clients(self, shape: str, clients: list[int]) -> SealedClients:
        """Return the clients of cells with so many *clients*: exact for one cell, and for all of the day."""
        cells, distinct = self.whole_day.get(shape, (0, 0))
        if len(clients) == cells:
            return SealedClients(distinct, distinct)
        return SealedClients(max(clients), clients[0] if len(clients) == 1 else None)
