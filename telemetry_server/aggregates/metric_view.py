"""What a page about one metric offers: values to filter by, groups along x, changes of the definition."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from storage.aggregates.summary_file import CLIENTS, Block, Summary
from telemetry_server.aggregates.complete_hiding import hidden_values
from telemetry_server.aggregates.dimensions import FILTERS, Dimensions
from telemetry_server.aggregates.groups import group_order
from telemetry_server.aggregates.query import PING, HistogramQuery, why_left_out
from telemetry_server.aggregates.reader import Reader
from telemetry_server.aggregates.stored_sums import DaySums, StoredSums, dimensions_of_day
from telemetry_server.aggregates.sums import ID_BYTES
from telemetry_server.records.shapes import Shape

PROCESS, LABEL = "process", "label"
OFFERED = (*FILTERS, PROCESS, LABEL)


def metric_view(reader: Reader, query: HistogramQuery) -> dict[str, Any]:
    """
    Return ``values``, ``hidden``, ``suppress_below``, ``groups``, ``shapes`` and ``changes`` of a metric.

    ``values`` lists, for each of `OFFERED`, the values that the metric has anywhere, with their samples, the
    most frequent first; ``hidden`` counts those with too few clients.  ``groups`` are all builds or days of
    the selection, with the metric or without.  ``changes`` are the groups whose definition differs from that
    of the group before.

    Raises:
        BrokenAggregate, OSError: The aggregates cannot be read.
    """
    found = _Found(reader.suppress_below)
    for day in reader.days:
        _scan_day(found, query, day)
    values, hidden = found.listed()
    return {
        "values": values,
        "hidden": hidden,
        "suppress_below": reader.suppress_below,
        "groups": _groups(reader, query),
        "shapes": found.shape_list(reader.shapes),
        "changes": _changes(found, reader.shapes),
    }


@dataclass(slots=True)
class _Found:
    """What a scan adds up."""

    suppress_below: int
    samples: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    clients: dict[tuple[str, str], set[bytes]] = field(default_factory=lambda: defaultdict(set))
    by_group: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # shapes

    def listed(self) -> tuple[dict[str, list[dict[str, Any]]], int]:
        """Return the values that may be shown, and how many may not."""
        values: dict[str, list[dict[str, Any]]] = {}
        hidden = 0
        for name in OFFERED:
            values[name] = []
            # The samples of all values of a name add up to the same total.
            clients = {value: self.clients[name, value] for value in self.samples[name]}
            few = hidden_values(clients, self.suppress_below)
            for value, samples in sorted(self.samples[name].items(), key=lambda each: (-each[1], each[0])):
                if value in few:
                    hidden += 1
                elif value or name != LABEL:
                    values[name].append({"value": value, "samples": samples})
        return values, hidden

    def shape_list(self, shapes: Mapping[str, Shape]) -> list[dict[str, Any]]:
        """Return every shape with the first and the last group that has it."""
        groups: dict[str, list[str]] = defaultdict(list)
        for group in sorted(self.by_group, key=group_order):
            for shape in self.by_group[group]:
                groups[shape].append(group)
        return [
            {"shape": shape, "first": own[0], "last": own[-1], "kind": shapes[shape].kind}
            for shape, own in groups.items()
            if shape in shapes
        ]


def _scan_day(found: _Found, query: HistogramQuery, day: DaySums) -> None:
    for summary, dimensions in zip(day.summaries, dimensions_of_day(day), strict=True):
        blocks = summary.blocks(query.metric)
        if not blocks:
            continue
        counted = [why_left_out(each, day.table.day) is None for each in dimensions]
        groups = [
            query.group_of(each, day.table.day) if query.selection.wants(each) else None
            for each in dimensions
        ]
        for cell in _cells(blocks):
            if not counted[cell.dimensions]:
                continue
            _add_values(found, cell, dimensions[cell.dimensions])
            group = groups[cell.dimensions]
            if group is not None and query.selection.wants_cell(cell.process, cell.label):
                found.by_group[group][cell.shape] += cell.samples
        if found.suppress_below > 1:
            _add_clients(found, blocks, dimensions, summary)


@dataclass(frozen=True, slots=True)
class _Cell:
    """One cell that is not a union."""

    dimensions: int
    process: str
    label: str
    shape: str
    samples: int
    clients: tuple[int, int]  # first and end, of the numbers of clients


def _cells(blocks: Iterable[Block]) -> Iterator[_Cell]:
    for block in blocks:
        columns, values = block.columns, block.values
        processes, labels, shapes = (dict(values[name]) for name in ("process", "label", "shape"))
        counts = columns["counts"]
        end = client_end = 0
        rows = zip(
            *(columns[name] for name in ("dimensions", "process", "label", "shape")),
            *(columns[name] for name in ("starts_length", "clients_length")),
            strict=True,
        )
        for number, process, label, shape, length, client_length in rows:
            start, client_start = end, client_end
            end, client_end = end + length, client_end + client_length
            if processes[process] is None or labels[label] is None:
                continue
            yield _Cell(
                number,
                processes[process],
                labels[label],
                shapes[shape],
                sum(counts[start:end]),
                (client_start, client_end),
            )


def _values_of(cell: _Cell, dimensions: Dimensions) -> Iterator[tuple[str, str]]:
    for name in FILTERS:
        yield name, getattr(dimensions, name)
    yield PROCESS, cell.process
    yield LABEL, cell.label


def _add_values(found: _Found, cell: _Cell, dimensions: Dimensions) -> None:
    for name, value in _values_of(cell, dimensions):
        found.samples[name][value] += cell.samples


def _add_clients(
    found: _Found, blocks: Iterable[Block], dimensions: tuple[Dimensions, ...], summary: Summary
) -> None:
    ids = summary.blocks(CLIENTS)[0].columns["ids"].tobytes()
    for block in blocks:
        numbers = block.columns["clients"]
        for cell in _cells([block]):
            own = {ids[ID_BYTES * each : ID_BYTES * (each + 1)] for each in numbers[slice(*cell.clients)]}
            for name, value in _values_of(cell, dimensions[cell.dimensions]):
                found.clients[name, value] |= own


def _groups(reader: Reader, query: HistogramQuery) -> list[str]:
    """Return the groups that any ping of the selection is in."""
    selection = replace(query.selection, processes=frozenset(), label=None)
    is_limited = reader.suppress_below > 1
    asked = StoredSums(PING, selection, query.group_of, with_clients=is_limited).of_days(reader.days)
    return sorted(
        (
            group
            for (group, _, _), sums in asked.sums.items()
            if not is_limited or len(sums.clients) >= reader.suppress_below
        ),
        key=group_order,
    )


def _changes(found: _Found, shapes: Mapping[str, Shape]) -> list[dict[str, Any]]:
    changes = []
    before = ""
    for group in sorted(found.by_group, key=group_order):
        # A few late pings of an old revision do not change the definition back.
        now = max(found.by_group[group].items(), key=lambda each: (each[1], each[0]))[0]
        if before and now != before and before in shapes and now in shapes:
            changes.append({"group": group, "detail": difference(shapes[before], shapes[now])})
        before = now
    return changes


def difference(before: Shape, after: Shape) -> str:
    """Return what differs between two shapes, in words."""
    parts = []
    if before.kind != after.kind:
        parts.append(f"kind {before.kind} → {after.kind}")
    if before.labels != after.labels:
        added = [label for label in after.labels if label not in before.labels]
        removed = [label for label in before.labels if label not in after.labels]
        parts += [f"label {label} added" for label in added] + [f"label {label} removed" for label in removed]
        if not added and not removed:
            parts.append("labels in another order")
    elif before.starts != after.starts and before.starts and after.starts:
        parts += [
            f"{name} {old:,} → {new:,}"
            for name, old, new in (
                (
                    "low",
                    before.starts[min(1, len(before.starts) - 1)],
                    after.starts[min(1, len(after.starts) - 1)],
                ),
                ("high", before.starts[-1], after.starts[-1]),
                ("buckets", len(before.starts), len(after.starts)),
            )
            if old != new
        ] or ["other buckets"]
    return ", ".join(parts) or "another definition"
