"""The table of a day as text: equal tables give equal bytes, however their rows came."""

from collections import defaultdict
from typing import Any

import orjson

from storage.aggregates.summary_file import CLIENTS
from storage.data_root import DataRoot
from telemetry_server.aggregates.cells import NUMBERS
from telemetry_server.aggregates.query import Selection
from telemetry_server.aggregates.stored_sums import DaySums, dimensions_of_day, read_days
from telemetry_server.aggregates.sums import pings_of_unions


def day_tables(root: DataRoot) -> dict[str, bytes]:
    """Return the table of each day."""
    return {day.table.day: day_table(day) for day in read_days(root)}


def day_table(day: DaySums) -> bytes:
    """Return the sums of all summaries of *day*."""
    cells: dict[tuple[str, ...], dict[str, Any]] = defaultdict(
        lambda: {"counts": defaultdict(int), "clients": set(), **dict.fromkeys(NUMBERS, 0)}
    )
    unions: dict[tuple[str, ...], int] = defaultdict(int)
    for summary, dimensions in zip(day.summaries, dimensions_of_day(day), strict=True):
        ids = summary.blocks(CLIENTS)[0].columns["ids"].tobytes()
        for metric in summary.metrics:
            for block in summary.blocks(metric):
                _add(cells, unions, metric, block, dimensions, ids)
    listed = [
        [
            *key,
            sorted(cell["counts"].items()),
            [cell[name] for name in NUMBERS],
            sorted(client.hex() for client in cell["clients"]),
        ]
        for key, cell in sorted(cells.items())
    ]
    return orjson.dumps([listed, sorted(unions.items())])


def _add(*given: Any) -> None:
    cells, unions, metric, block, dimensions, ids = given
    columns, values = block.columns, block.values
    processes, labels, shapes = (dict(values[name]) for name in ("process", "label", "shape"))
    end = client_end = 0
    rows = []
    for place, number in enumerate(columns["dimensions"]):
        start, client_start = end, client_end
        end += columns["starts_length"][place]
        client_end += columns["clients_length"][place]
        process, label = processes[columns["process"][place]], labels[columns["label"][place]]
        shape = shapes[columns["shape"][place]]
        rows.append((number, process, label, shape, columns["pings"][place]))
        if process is None or label is None:
            continue
        cell = cells[metric, process, label, shape, *map(str, dimensions[number])]
        for bucket in range(start, end):
            cell["counts"][columns["starts"][bucket]] += columns["counts"][bucket]
        for name in NUMBERS:
            cell[name] += columns[name][place]
        clients = columns["clients"][client_start:client_end]
        cell["clients"].update(ids[16 * client : 16 * client + 16] for client in clients)
    for (number, label, shape), pings in pings_of_unions(rows, Selection()).items():
        unions["|".join((metric, label, shape, *map(str, dimensions[number])))] += pings
