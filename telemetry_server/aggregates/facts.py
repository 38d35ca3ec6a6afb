"""Measurements as facts: one row for each instance, with its ping, in the form that is summed up."""

from collections.abc import Sequence
from math import floor
from typing import TYPE_CHECKING, Any

from storage.tables.columns import PING_KEY
from telemetry_server.aggregates.buckets import (
    COUNT,
    LABELED_COUNTER,
    SCALAR,
    SIMPLE_MEASUREMENT,
    bucket_of,
)
from telemetry_server.aggregates.columns import combined, one_array, ranked
from telemetry_server.aggregates.dimensions import PING_TEXTS, Dimensions, dimensions_of
from telemetry_server.aggregates.query import PING
from telemetry_server.records.shapes import Shape, shape_id

if TYPE_CHECKING:
    import pyarrow as pa

SCALAR_PREFIX, SIMPLE_PREFIX, SIMPLE_SOURCE = "SCALARS_", "SIMPLE_MEASURES_", "simpleMeasurements."
# Glean's single numbers, under their own name.
GLEAN_NUMBERS = frozenset({"counter", "quantity", "boolean"})
LABELED_NUMBERS = frozenset({"labeled_counter"})
MAX_SUM = 2**63 - 1

HISTOGRAM_COLUMNS = (
    PING_KEY, "metric", "process", "label", "kind", "shape", "sum", "starts", "counts"
)  # fmt: skip
SCALAR_COLUMNS = (
    PING_KEY, "metric", "process", "label", "kind", "value_number", "value_boolean"
)  # fmt: skip


class Pings:
    """
    The pings of a day, as facts name them: by number.

    Args:
        rows: Rows of the table ``pings`` with `PING_COLUMNS`.
    """

    PING_COLUMNS = (PING_KEY, "submission_timestamp", "client_id", *PING_TEXTS)

    def __init__(self, rows: "pa.Table") -> None:
        import pyarrow as pa

        self._rows = rows
        self.keys = one_array(rows.column(PING_KEY))
        # For each ping the number of its client; without an id it is that of no client.
        self.clients, self.client_ids = ranked(one_array(rows.column("client_id")))
        count = rows.num_rows
        texts = [
            one_array(rows.column(name)) if name in rows.column_names else pa.nulls(count, pa.string())
            for name in PING_TEXTS
        ]
        numbers, combinations = combined(texts)
        found = [dimensions_of(texts) for texts in combinations]
        self.dimensions: list[Dimensions] = sorted(set(found))
        places = {each: place for place, each in enumerate(self.dimensions)}
        # For each ping the number of its dimensions.
        self.numbers: pa.Array = pa.array([places[each] for each in found], pa.int64()).take(numbers)

    @property
    def as_of(self) -> str:
        """The arrival of the newest ping, in UTC; empty without pings."""
        import pyarrow.compute as pc

        newest = pc.max(self._rows.column("submission_timestamp")).as_py()
        return "" if newest is None else f"{newest.isoformat(timespec='microseconds')}Z"

    def only(self, keys: "pa.Array") -> "Pings":
        """Return those with *keys*."""
        import pyarrow.compute as pc

        return Pings(self._rows.filter(pc.is_in(self.keys, value_set=keys)))


PING_SHAPE = Shape("ping")


def facts_of_pings(rows: "pa.Table", pings: Pings) -> "pa.Table":
    """Return one fact for each ping among *rows*, which has the key of each."""
    import pyarrow as pa

    count = rows.num_rows
    texts = {"metric": PING, "process": "", "label": "", "shape": shape_id(PING_SHAPE)}
    lists = pa.list_(pa.int64())
    made = {
        PING_KEY: one_array(rows.column(PING_KEY)),
        **{name: pa.array([text] * count, pa.string()) for name, text in texts.items()},
        "sum": pa.nulls(count, pa.int64()),
        "starts": pa.array([[0]] * count, lists),
        "counts": pa.array([[1]] * count, lists),
    }
    return _facts(pa.table(made), pings)


def facts_of_histograms(rows: "pa.Table", pings: Pings) -> "pa.Table":
    """Return the facts of rows with `HISTOGRAM_COLUMNS`: of a count, its sum is the one value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_count = pc.equal(rows.column("kind"), COUNT.kind)
    counted = rows.filter(is_count)
    if not counted.num_rows:
        return _facts(rows, pings)
    plain = _facts(rows.filter(pc.invert(is_count)), pings)
    values = [
        sum(counts) if total is None else total
        for total, counts in zip(
            counted.column("sum").to_pylist(), counted.column("counts").to_pylist(), strict=True
        )
    ]
    lists = _single(COUNT, values)
    counted = counted.set_column(counted.column_names.index("starts"), "starts", lists[0])
    counted = counted.set_column(counted.column_names.index("counts"), "counts", lists[1])
    shapes = pa.array([shape_id(COUNT)] * counted.num_rows, pa.string()).dictionary_encode()
    counted = counted.set_column(counted.column_names.index("shape"), "shape", shapes)
    return pa.concat_tables([plain, _facts(counted, pings)])


def _single(shape: Shape, values: Sequence[int | None]) -> "tuple[pa.Array, pa.Array]":
    """Return starts and counts of single *values*; None, or a negative one, is in no bucket."""
    import pyarrow as pa

    is_value = [value is not None and value >= 0 for value in values]
    starts = [
        [bucket_of(shape.starts, value)] if is_one and value is not None else []
        for value, is_one in zip(values, is_value, strict=True)
    ]
    whole = pa.list_(pa.int64())
    return pa.array(starts, whole), pa.array([[1] if is_one else [] for is_one in is_value], whole)


def _facts(rows: "pa.Table", pings: Pings) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = pc.index_in(one_array(rows.column(PING_KEY)), value_set=pings.keys)
    return pa.table(
        {
            **{name: one_array(rows.column(name)) for name in ("metric", "process", "label", "shape")},
            "ping": numbers,
            "dimensions": pings.numbers.take(numbers),
            "client": pings.clients.take(numbers),
            **{name: one_array(rows.column(name)) for name in ("sum", "starts", "counts")},
        }
    )


def facts_of_scalars(rows: "pa.Table", pings: Pings) -> "pa.Table | None":
    """
    Return the facts of rows with `SCALAR_COLUMNS`; None where none of them is summed up.

    Negative numbers and texts are instances without samples.
    """
    import pyarrow as pa

    names: dict[tuple[str, str], tuple[str, Shape] | None] = {}
    found: list[tuple[Any, ...]] = []
    columns = [rows.column(name).to_pylist() for name in SCALAR_COLUMNS[1:]]
    for place, (metric, process, label, kind, number, boolean) in enumerate(zip(*columns, strict=True)):
        if (metric, kind) not in names:
            names[metric, kind] = measure_of(metric, kind)
        measure = names[metric, kind]
        if measure is not None:
            value = number if number is not None else boolean
            found.append((place, measure[0], process, label, measure[1], _whole(value)))
    if not found:
        return None
    places, metrics, processes, labels, shapes, values = zip(*found, strict=True)
    starts, counts = _lists(shapes, values)
    text = pa.string()
    made = pa.table(
        {
            PING_KEY: one_array(rows.column(PING_KEY).take(pa.array(places, pa.int64()))),
            "metric": pa.array(metrics, text),
            "process": pa.array(processes, text),
            "label": pa.array(labels, text),
            "shape": pa.array([shape_id(shape) for shape in shapes], text),
            "sum": pa.array(values, pa.int64()),
            "starts": starts,
            "counts": counts,
        }
    )
    return _facts(made, pings)


def _lists(shapes: Sequence[Shape], values: Sequence[int | None]) -> "tuple[pa.Array, pa.Array]":
    import pyarrow as pa

    starts: list[list[int]] = []
    counts: list[list[int]] = []
    for shape, value in zip(shapes, values, strict=True):
        if value is None:
            starts.append([])
            counts.append([])
        elif shape is LABELED_COUNTER:
            # Of a counter by label, the value is a count of the bucket that the label is.
            starts.append([0])
            counts.append([value])
        else:
            starts.append([bucket_of(shape.starts, value)])
            counts.append([1])
    whole = pa.list_(pa.int64())
    return pa.array(starts, whole), pa.array(counts, whole)


def measure_of(metric: str, kind: str) -> tuple[str, Shape] | None:
    """Return name and shape under which a scalar is summed up; None where it is not."""
    if kind == SCALAR.kind:
        return SCALAR_PREFIX + metric.upper(), SCALAR
    if kind == SIMPLE_MEASUREMENT.kind:
        return SIMPLE_PREFIX + metric.removeprefix(SIMPLE_SOURCE).replace(
            ".", "_"
        ).upper(), SIMPLE_MEASUREMENT
    if kind in GLEAN_NUMBERS:
        return metric, SCALAR
    return (metric, LABELED_COUNTER) if kind in LABELED_NUMBERS else None


def _whole(value: float | bool | None) -> int | None:
    """Return *value* as an integer; None for a text, and for what is negative or past 64 bits."""
    if value is None or not 0 <= value <= MAX_SUM:
        return None
    return min(floor(value), MAX_SUM)
