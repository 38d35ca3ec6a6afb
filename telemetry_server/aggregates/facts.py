"""Measurements as facts: one row for each instance, with its ping, in the form that is summed up."""

from collections.abc import Iterable
from datetime import datetime
from itertools import compress, pairwise
from typing import TYPE_CHECKING

from storage.tables.columns import COUNTRY, PING_KEY, ROW_GROUP_ROWS
from telemetry_server.aggregates.buckets import (
    COUNT,
    LABELED_COUNTER,
    SCALAR,
    SCALAR_PREFIX,
    SIMPLE_MEASUREMENT,
    bucket_of,
)
from telemetry_server.aggregates.checked_sums import row_samples
from telemetry_server.aggregates.columns import combined, lists_of, one_array, ranked, whole_number
from telemetry_server.aggregates.dimensions import PING_TEXTS, Dimensions, dimensions_of
from telemetry_server.aggregates.query import PING
from telemetry_server.records.shapes import Shape, shape_id

if TYPE_CHECKING:
    import pyarrow as pa

SIMPLE_PREFIX, SIMPLE_SOURCE = "SIMPLE_MEASURES_", "simpleMeasurements."
# Glean's single numbers, under their own name.
GLEAN_NUMBERS = frozenset({"counter", "quantity", "boolean"})
LABELED_NUMBERS = frozenset({"labeled_counter"})
MAX_SUM = 2**63 - 1
MAX_KEYS_FOR_EACH_PING = 8

HISTOGRAM_COLUMNS = (
    PING_KEY, "metric", "process", "label", "kind", "shape", "sum", "starts", "counts"
)  # fmt: skip
SCALAR_COLUMNS = (
    PING_KEY, "metric", "process", "label", "kind", "value_number", "value_boolean"
)  # fmt: skip


class Pings:
    """
    The pings of a day, as facts name them: by number.  They take some 60 bytes each.

    Args:
        batches: Rows of the table ``pings`` with `PING_COLUMNS`, and ``country`` where it counts.

    Attributes:
        clients: For each ping the number of its client; without an id it is that of no client.
        client_ids: The distinct ids of clients, in order.
        dimensions: The distinct ones, in order.
        numbers: For each ping the number of its dimensions.
        as_of: The arrival of the newest ping, in UTC; empty without pings.
    """

    PING_COLUMNS = (PING_KEY, "submission_timestamp", "client_id", *PING_TEXTS)

    def __init__(self, batches: "Iterable[pa.Table]") -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        keys, clients, numbers = [], [], []
        places: dict[Dimensions, int] = {}
        newest: datetime | None = None
        for rows in batches:
            keys.append(one_array(rows.column(PING_KEY)))
            clients.append(one_array(rows.column("client_id")))
            codes, combinations = combined(_texts_of(rows))
            found = [places.setdefault(dimensions_of(texts), len(places)) for texts in combinations]
            numbers.append(pa.array(found, pa.int32()).take(codes))
            arrived = pc.max(rows.column("submission_timestamp")).as_py()
            newest = arrived if newest is None else max(newest, arrived or newest)
        self._keys = pa.concat_arrays(keys)
        self.clients, self.client_ids = ranked(pa.concat_arrays(clients))
        self.dimensions: list[Dimensions] = sorted(places)
        order = {each: place for place, each in enumerate(self.dimensions)}
        final = pa.array([order[each] for each in places], pa.int64())
        self.numbers: pa.Array = final.take(pa.concat_arrays(numbers))
        self.as_of = "" if newest is None else f"{newest.isoformat(timespec='microseconds')}Z"
        self._first_key, self._places = _places_of(self._keys)

    def places_of(self, keys: "pa.Array") -> "pa.Array":
        """Return the number of the ping of each of *keys*; null where there is none."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self._places is None:
            return pc.index_in(keys, value_set=self._keys)
        offsets = pc.subtract(keys, pa.scalar(self._first_key, keys.type))
        is_inside = pc.and_(
            pc.greater_equal(offsets, pa.scalar(0, keys.type)),
            pc.less(offsets, pa.scalar(len(self._places), keys.type)),
        )
        if not pc.all(is_inside).as_py():
            offsets = pc.if_else(is_inside, offsets, pa.scalar(None, keys.type))
        return self._places.take(offsets)


def _texts_of(rows: "pa.Table") -> "list[pa.Array]":
    import pyarrow as pa

    texts = [
        one_array(rows.column(name)) if name in rows.column_names else pa.nulls(rows.num_rows, pa.string())
        for name in PING_TEXTS
    ]
    if COUNTRY in rows.column_names:
        texts.append(one_array(rows.column(COUNTRY)))
    return texts


def _places_of(keys: "pa.Array") -> "tuple[int, pa.Array | None]":
    """
    Return the least of *keys*, and for each number from there on its place among them.

    None where most numbers between are missing.  A day numbers its pings one after another, so that is
    rare; and a table of places is read where a hash table would be made for each batch of rows.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    least, most = pc.min_max(keys).as_py().values() if len(keys) else (0, 0)
    span = most - least + 1
    if span > MAX_KEYS_FOR_EACH_PING * len(keys) + ROW_GROUP_ROWS:
        return least, None
    ones = pa.repeat(pa.scalar(1, keys.type), span)
    numbers = pc.add(pc.cumulative_sum(ones), pa.scalar(least - 1, keys.type))
    return least, pc.index_in(numbers, value_set=keys)


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

    # Rows of one metric are side by side: slices are cheaper than a filter.
    runs = pc.run_end_encode(one_array(rows.column("kind")).cast(pa.string()))
    kinds = runs.values.to_pylist()
    if COUNT.kind not in kinds:
        return _facts(rows, pings)
    ends = runs.run_ends.to_pylist()
    parts = [rows.slice(start, end - start) for start, end in pairwise((0, *ends))]
    is_count = [kind == COUNT.kind for kind in kinds]
    counted = _counted(pa.concat_tables(compress(parts, is_count)))
    start = 0
    for place in compress(range(len(parts)), is_count):
        count = parts[place].num_rows
        parts[place] = counted.slice(start, count)
        start += count
    return _facts(pa.concat_tables(parts), pings)


def _counted(rows: "pa.Table") -> "pa.Table":
    """Return rows of counts with the count of each as its one value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # Without a sum, the count is in the first bucket.
    values = pc.coalesce(one_array(rows.column("sum")), row_samples(one_array(rows.column("counts"))))
    starts, counts = _single(COUNT, values)
    shapes = pa.array([shape_id(COUNT)], pa.string()).take(pa.array([0] * rows.num_rows, pa.int32()))
    for name, column in (("starts", starts), ("counts", counts), ("shape", shapes.dictionary_encode())):
        rows = rows.set_column(rows.column_names.index(name), name, column)
    return rows


def _single(shape: Shape, values: "pa.Array") -> "tuple[pa.Array, pa.Array]":
    """Return starts and counts of single *values*; null, or a negative one, is in no bucket."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_value = pc.fill_null(pc.greater_equal(values, whole_number(0)), False)
    known = values.filter(is_value)
    distinct = known.unique()
    buckets = pa.array([bucket_of(shape.starts, value) for value in distinct.to_pylist()], pa.int64())
    starts = buckets.take(pc.index_in(known, value_set=distinct))
    lengths = is_value.cast(pa.int64())
    return lists_of(starts, lengths), lists_of(lengths.filter(is_value), lengths)


def _facts(rows: "pa.Table", pings: Pings) -> "pa.Table":
    import pyarrow as pa

    numbers = pings.places_of(one_array(rows.column(PING_KEY)))
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
    import pyarrow.compute as pc

    numbers, combinations = combined([one_array(rows.column(name)) for name in ("metric", "kind")])
    measures = [measure_of(metric, kind) for metric, kind in combinations]
    made = []
    for shape in (SCALAR, SIMPLE_MEASUREMENT, LABELED_COUNTER):
        wanted = [number for number, found in enumerate(measures) if found is not None and found[1] is shape]
        is_wanted = pc.is_in(numbers, value_set=pa.array(wanted, pa.int64()))
        chosen = rows.filter(is_wanted)
        if chosen.num_rows:
            names = pa.array([None if found is None else found[0] for found in measures], pa.string())
            made.append(_measured(chosen, names.take(numbers.filter(is_wanted)), shape))
    return _facts(pa.concat_tables(made), pings) if made else None


def _measured(rows: "pa.Table", names: "pa.Array", shape: Shape) -> "pa.Table":
    """Return *rows* under their *names*, with buckets of *shape*."""
    import pyarrow as pa
    import pyarrow.compute as pc

    booleans = one_array(rows.column("value_boolean")).cast(pa.int8()).cast(pa.float64())
    values = pc.coalesce(one_array(rows.column("value_number")), booleans)
    is_value = pc.and_kleene(pc.greater_equal(values, 0.0), pc.less(values, float(MAX_SUM)))
    none = pa.scalar(None, pa.float64())
    whole = pc.floor(pc.if_else(pc.fill_null(is_value, False), values, none)).cast(pa.int64())
    if shape is LABELED_COUNTER:
        # Of a counter by label, the value is a count of the bucket that the label is.
        lengths = whole.is_valid().cast(pa.int64())
        counts = lists_of(whole.drop_null(), lengths)
        starts = lists_of(pc.subtract(whole.drop_null(), whole.drop_null()), lengths)
    else:
        starts, counts = _single(shape, whole)
    shapes = pa.array([shape_id(shape)], pa.string()).take(pa.array([0] * rows.num_rows, pa.int32()))
    return pa.table(
        {
            PING_KEY: one_array(rows.column(PING_KEY)),
            "metric": names,
            "process": one_array(rows.column("process")).cast(pa.string()),
            "label": one_array(rows.column("label")).cast(pa.string()),
            "shape": shapes,
            "sum": whole,
            "starts": starts,
            "counts": counts,
        }
    )


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
