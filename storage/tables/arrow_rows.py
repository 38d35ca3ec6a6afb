"""Rows as Arrow tables in the columns of the Parquet files.  PyArrow is imported inside."""

from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from storage.tables.columns import (
    EVENTS,
    HISTOGRAMS,
    PING_COLUMNS,
    PINGS,
    SCALARS,
    SORT_ORDER,
    schema_of,
)
from storage.tables.rows import NO_SUM, TableRows

if TYPE_CHECKING:
    import pyarrow as pa


def arrow_tables(rows: TableRows, keep: Sequence[bool] | None = None) -> dict[str, "pa.Table"]:
    """
    Return *rows* by table, not sorted.

    Args:
        keep: For each ping, whether its rows are wanted; all are by default.
    """
    import pyarrow as pa

    pings = _pings(rows)
    found = {PINGS: pings}
    for table, part in ((HISTOGRAMS, _histograms), (SCALARS, _scalars), (EVENTS, _events)):
        numbers, columns = part(rows)
        found[table] = _with_ping_columns(table, columns, pings, numbers)
        if keep is not None:
            found[table] = found[table].filter(pa.array(keep, pa.bool_()).take(numbers))
    if keep is not None:
        found[PINGS] = pings.filter(pa.array(keep, pa.bool_()))
    return found


def sorted_table(table: str, rows: "pa.Table") -> "pa.Table":
    """Return *rows* in the order in which the files of *table* hold them."""
    return rows.sort_by([(column, "ascending") for column in SORT_ORDER[table]])


def _column(values: Sequence[Any], type_: "pa.DataType") -> "pa.Array":
    import pyarrow as pa

    if type_ == pa.uuid():
        return pa.ExtensionArray.from_storage(type_, pa.array(values, pa.binary(16)))
    return pa.array(values, type_)


def _pings(rows: TableRows) -> "pa.Table":
    import pyarrow as pa

    schema = schema_of(PINGS)
    columns = list(zip(*rows.pings, strict=True)) or [()] * len(schema)
    arrays = [_column(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.table(arrays, schema=schema)


def _integers(numbers: "array[int] | bytearray", type_: "pa.DataType") -> "pa.Array":
    """An Arrow array over a copy of *numbers*, which may go on growing."""
    import pyarrow as pa

    data = bytes(memoryview(numbers).cast("B"))
    return pa.Array.from_buffers(type_, len(data) * 8 // type_.bit_width, [None, pa.py_buffer(data)])


def _histograms(rows: TableRows) -> tuple["pa.Array", dict[str, "pa.Array"]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    held = rows.histograms
    words = pa.array(held.words, pa.string())
    metrics, kinds, shapes = zip(*held.shape_keys, strict=True) if held.shape_keys else ((), (), ())
    keys = _integers(held.keys, pa.int32())
    lengths = _integers(held.lengths, pa.int64())
    ends = pc.cumulative_sum(lengths)
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), ends]).cast(pa.int32())
    sums = _integers(held.sums, pa.int64())
    columns = {
        "metric": pa.array(metrics, pa.string()).take(keys),
        "process": words.take(_integers(held.processes, pa.int32())),
        "label": words.take(_integers(held.labels, pa.int32())),
        "kind": pa.array(kinds, pa.string()).take(keys),
        "starts": pa.ListArray.from_arrays(offsets, _integers(held.starts, pa.int64())),
        "counts": pa.ListArray.from_arrays(offsets, _integers(held.counts, pa.int64())),
        "shape": pa.array(shapes, pa.string()).take(keys),
        "sum": pc.if_else(pc.equal(sums, NO_SUM), pa.scalar(None, pa.int64()), sums),
    }
    return _integers(held.pings, pa.int32()), columns


def _scalars(rows: TableRows) -> tuple["pa.Array", dict[str, "pa.Array"]]:
    names = ("metric", "process", "label", "kind", "value_number", "value_text", "value_boolean")
    return _from_tuples(SCALARS, names, rows.scalars)


def _events(rows: TableRows) -> tuple["pa.Array", dict[str, "pa.Array"]]:
    names = ("process", "timestamp_ms", "category", "method", "object", "value", "extra")
    return _from_tuples(EVENTS, names, rows.events)


def _from_tuples(
    table: str, names: Sequence[str], tuples: Sequence[tuple[Any, ...]]
) -> tuple["pa.Array", dict[str, "pa.Array"]]:
    import pyarrow as pa

    schema = schema_of(table)
    numbers, *columns = zip(*tuples, strict=True) if tuples else [()] * (len(names) + 1)
    arrays = {
        name: _column(values, schema.field(name).type) for name, values in zip(names, columns, strict=True)
    }
    return pa.array(numbers, pa.int32()), arrays


def _with_ping_columns(
    table: str, columns: dict[str, "pa.Array"], pings: "pa.Table", numbers: "pa.Array"
) -> "pa.Table":
    """Add what every row repeats of its ping."""
    import pyarrow as pa

    repeated = pings.select(["document_id", "submission_date", *PING_COLUMNS]).combine_chunks().take(numbers)
    schema = schema_of(table)
    arrays = [columns[name] if name in columns else repeated.column(name) for name in schema.names]
    return pa.table(arrays, schema=schema)
