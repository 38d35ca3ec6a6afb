"""
The built-in job ``frontend``: what the first frontend reads.

One line for each channel, version and histogram: the starts of its buckets, and by path its
counts, the sum of its values and its instances.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from storage.partitions.histogram_row import NOT_SENT, SUMMARY
from telemetry_server.mapreduce.jobs.histogram_sums import (
    Sums,
    add_numbers,
    add_sums,
    chosen_layout,
    compact_json,
    group_and_path_of,
    rows_of,
)
from telemetry_server.records.definitions import FindsSpecFile


class FrontendJob:
    """
    The functions of the job.

    Args:
        finder: Finds the definitions that give the buckets.
    """

    def __init__(self, finder: FindsSpecFile) -> None:
        self._finder = finder

    def map(self, key: str, dims: Sequence[str], value: dict[str, Any], context: Any) -> None:
        """Write the histograms of a record that have a sum."""
        found = group_and_path_of(value)
        if found is None:
            return
        group, parts = found
        path = "/".join(parts)
        for name, shape, row in rows_of(value, self._finder):
            total = row[-len(SUMMARY)]
            if total != NOT_SENT:
                layout = compact_json(shape.starts)
                context.write(f"{group}/{name}", {layout: {path: [*row[: -len(SUMMARY)], total, 1]}})

    def combine(self, key: str, values: Sequence[Sums], context: Any) -> None:
        """Add rows of equal paths."""
        context.write(key, add_sums(values, add_numbers))

    def reduce(self, key: str, values: Sequence[Sums], context: Any) -> None:
        """Write the rows of the layout with the most instances."""
        total = add_sums(values, add_numbers)
        layout = chosen_layout(total)
        by_path = compact_json(total[layout])
        context.write(key, f'{{"buckets":{layout},"values":{by_path}}}')


def parsed_line(line: bytes) -> tuple[str, str, dict[str, Any]]:
    """Return the group, the histogram and the object of a *line* of the output."""
    key, _, text = line.partition(b"\t")
    group, _, name = key.decode().rpartition("/")
    return group, name, orjson.loads(text)
