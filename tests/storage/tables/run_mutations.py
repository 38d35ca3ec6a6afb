"""
Random histograms, and damaged ones for the compiled module that sorts them.

``python -m tests.storage.tables.run_mutations LIBRARY SECONDS`` sorts damaged ones, and prints how many.
"""

import sys
import time
from array import array
from random import Random
from typing import Any

from storage.tables.rows import NO_SUM, HistogramColumns
from tests.support.compiled_modules import loaded

MODULE = "storage.tables.compiled._lists"
LEAST_INPUTS = 50
METRICS = ("GC_MS", "A11Y", "é", "a", "?", "\ud800", "a\ud801")
COLUMNS = ("pings", "processes", "labels", "keys", "lengths", "sums", "starts", "counts")


def random_part(chance: Random, pings: int) -> HistogramColumns:
    """Return some histograms of so many pings."""
    part = HistogramColumns()
    part.words += chance.sample(["", "parent", "?", "\ud800", "é"], chance.randrange(1, 5))
    part.shape_keys += [
        (chance.choice(METRICS), "linear", f"shape {number}") for number in range(chance.randrange(1, 5))
    ]
    for ping in range(pings):
        for _ in range(chance.randrange(5)):
            part.pings.append(ping)
            part.processes.append(chance.randrange(len(part.words)))
            part.labels.append(chance.randrange(len(part.words)))
            part.keys.append(chance.randrange(len(part.shape_keys)))
            part.sums.append(chance.choice((NO_SUM, 0, 2**40, -1)))
            buckets = chance.randrange(5)
            starts = [chance.choice((number, 2**31 + number, -number)) for number in range(buckets)]
            part.add_buckets(starts, [chance.choice((0, 1, 2**62)) for _ in range(buckets)])
            if chance.random() < 0.1:
                part.marks[len(part.pings) - 1] = chance.choice(("expired_metric", "unknown_metric"))
    return part


def _damaged(chance: Random) -> tuple[Any, ...]:
    """Return a part for the compiled module in which some numbers may name nothing."""
    part = random_part(chance, 3)
    columns: list[Any] = [getattr(part, name) for name in COLUMNS]
    columns += [array("i", range(size)) for size in (len(part.words), len(part.shape_keys), 3)]
    if chance.random() < 0.7:
        place = chance.randrange(len(columns))
        column = columns[place] = columns[place][:]
        if chance.random() < 0.5:
            del column[: chance.randrange(len(column) + 1)]
        elif column and isinstance(column, array):
            column[chance.randrange(len(column))] = chance.choice((-(2**31), -1, 0, 9, 2**31 - 1))
    return (*columns, chance.choice((0, 0, -5, 2**31 - 1)), chance.choice((0, 2)))


def main(library: str, seconds: float) -> int:
    """Return how many damaged parts were given to *library*; it touches nothing outside of their buffers."""
    lists = loaded(MODULE, library)
    chance, count, end = Random(1), 0, time.monotonic() + seconds
    while time.monotonic() < end or count < LEAST_INPUTS:
        parts = tuple(_damaged(chance) for _ in range(chance.randrange(3)))
        metrics = array("i", [chance.choice((0, 1, 2, 3, -1, 7)) for _ in range(chance.randrange(6))])
        try:
            lists.sorted_run(parts, metrics, chance.choice((0, 4, 8)), chance.random() < 0.5)
        except ValueError as error:
            assert str(error)
        count += len(parts)
    return count


if __name__ == "__main__":
    print(main(sys.argv[1], float(sys.argv[2])))
