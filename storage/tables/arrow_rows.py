"""
Rows as Arrow record batches, sorted and in the columns of the Parquet files.

Texts stay dictionary-encoded, as in the files.
PyArrow is an optional extra, so it is imported inside functions.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from storage.tables.columns import (
    HISTOGRAMS,
    PING_COLUMNS,
    PINGS,
    TABLES,
    schema_of,
    written_schema_of,
)
from storage.tables.rows import NO_SUM, TableRows
from storage.tables.sorting import sorted_rows

if TYPE_CHECKING:
    import pyarrow as pa

Part = tuple[TableRows, Sequence[bool] | None]
"""Rows, and for each of their pings whether it is wanted; None where all are."""

_OF_PING = ("ping", "submission_date", *PING_COLUMNS)
"""The columns that the rows of other tables repeat of their ping."""


def sorted_batches(parts: Sequence[Part], first_ping: int = 0) -> dict[str, "pa.RecordBatch"]:
    """
    Return the rows of *parts* by table, each table in the order of its files.

    Args:
        first_ping: The number of the first ping; those behind it have the following ones.
    """
    pings = _Pings(parts, first_ping)
    found = {PINGS: pings.rows(PINGS)}
    columns = _histograms(pings)
    found[HISTOGRAMS] = pings.with_ping_columns(HISTOGRAMS, columns)
    for table in TABLES:
        if table not in found:
            tuples = [row for rows in pings.renumbered(table) for row in rows]
            found[table] = pings.with_ping_columns(table, _from_tuples(table, tuples))
    return {table: sorted_rows(table, rows) for table, rows in found.items()}


class _Pings:
    """The pings of several `TableRows` with consecutive numbers; unwanted pings have none."""

    def __init__(self, parts: Sequence[Part], first: int) -> None:
        self.parts = parts
        self.numbers: list[list[int | None] | None] = []
        self.offsets: list[int] = []
        self._tuples: list[tuple[Any, ...]] = []
        for rows, keep in parts:
            self.offsets.append(len(self._tuples))
            if keep is None:
                self.numbers.append(None)
                self._tuples += rows.pings
                continue
            numbers: list[int | None] = []
            for ping, is_kept in zip(rows.pings, keep, strict=True):
                numbers.append(len(self._tuples) if is_kept else None)
                if is_kept:
                    self._tuples.append(ping)
            self.numbers.append(numbers)
        *fields, _ = schema_of(PINGS)
        columns = list(zip(*self._tuples, strict=True)) or [()] * len(fields)
        self._columns = {
            field.name: _column(values, field.type) for values, field in zip(columns, fields, strict=True)
        }
        self._columns["ping"] = _integers(array("q", range(first, first + len(self._tuples))))

    def rows(self, table: str) -> "pa.RecordBatch":
        """Return the rows of the table ``pings``."""
        return _batch(table, self._columns)

    def renumbered(self, table: str) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the tuples of each part, with the new number of their ping."""
        for (rows, _), numbers, offset in zip(self.parts, self.numbers, self.offsets, strict=True):
            tuples: list[Any] = getattr(rows, table)
            if numbers is None:
                yield [(row[0] + offset, *row[1:]) for row in tuples]
            else:
                yield [(number, *row[1:]) for row in tuples if (number := numbers[row[0]]) is not None]

    def with_ping_columns(self, table: str, columns: dict[str, "pa.Array"]) -> "pa.RecordBatch":
        """Add the columns that each row repeats of its ping; *columns* has the pings' numbers as ``""``."""
        numbers = columns.pop("")
        repeated = _OF_PING
        return _batch(table, columns | {name: _take(self._columns[name], numbers) for name in repeated})


def _batch(table: str, columns: Mapping[str, "pa.Array"]) -> "pa.RecordBatch":
    import pyarrow as pa

    schema = written_schema_of(table)
    return pa.record_batch([columns[name] for name in schema.names], schema=schema)


def _take(column: "pa.Array", numbers: "pa.Array") -> "pa.Array":
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        return column.take(numbers)
    return pa.DictionaryArray.from_arrays(column.indices.take(numbers), column.dictionary)


def _column(values: Sequence[Any], type_: "pa.DataType") -> "pa.Array":
    """Return *values* as an array of *type_*; texts are dictionary-encoded."""
    import pyarrow as pa

    if type_ == pa.uuid():
        return pa.ExtensionArray.from_storage(type_, pa.array(values, pa.binary(16)))
    try:
        array = pa.array(values, type_)
    except UnicodeEncodeError:
        array = pa.array(_without_surrogates(values), type_)
    if type_ != pa.string():
        return array
    return array.dictionary_encode()


def _without_surrogates(value: Any) -> Any:
    """Replace lone surrogates, which UTF-8 cannot encode, by question marks."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return [_without_surrogates(part) for part in value] if isinstance(value, list | tuple) else value


def _integers(numbers: Any, type_: "pa.DataType | None" = None) -> "pa.Array":
    """Return an Arrow array over *numbers* (an array or a bytearray), which must not grow afterwards."""
    import pyarrow as pa

    type_ = type_ or pa.int64()
    data = pa.py_buffer(numbers)
    return pa.Array.from_buffers(type_, data.size * 8 // type_.bit_width, [None, data])


class _Words:
    """Texts of several parts, with consecutive numbers."""

    def __init__(self) -> None:
        self.texts: dict[Any, int] = {}

    def numbers_of(self, words: Sequence[Any]) -> "pa.Array":
        """Return the number here of each of *words*."""
        import pyarrow as pa

        texts = self.texts
        return pa.array([texts.setdefault(word, len(texts)) for word in words], pa.int32())


def _histograms(pings: _Pings) -> dict[str, "pa.Array"]:
    import pyarrow as pa
    import pyarrow.compute as pc

    words, keys = _Words(), _Words()
    batches = [
        _histograms_of(rows, number, words, keys)
        for (rows, _), number in zip(pings.parts, _number_arrays(pings), strict=True)
    ]
    names = ["", "process", "label", "key", "starts", "counts", "sum"]
    if len(batches) == 1:
        raw = dict(zip(names, batches[0], strict=True))
    else:
        raw = {
            name: pa.concat_arrays(columns)
            for name, columns in zip(names, zip(*batches, strict=True), strict=True)
        }
    texts = pa.array([_without_surrogates(word) for word in words.texts], pa.string())
    key = raw.pop("key")
    parts = list(zip(*keys.texts, strict=True)) or [(), (), ()]
    for name, values in zip(("metric", "kind", "shape"), parts, strict=True):
        raw[name] = _dictionary(key, pa.array(_without_surrogates(values), pa.string()))
    for name in ("process", "label"):
        raw[name] = _dictionary(raw[name], texts)
    raw["sum"] = pc.if_else(pc.equal(raw["sum"], NO_SUM), pa.scalar(None, pa.int64()), raw["sum"])
    return raw


def _number_arrays(pings: _Pings) -> Iterator["pa.Array | int"]:
    import pyarrow as pa

    for numbers, offset in zip(pings.numbers, pings.offsets, strict=True):
        yield offset if numbers is None else pa.array(numbers, pa.int32())


def _histograms_of(
    rows: TableRows, numbers: "pa.Array | int", words: _Words, keys: _Words
) -> list["pa.Array"]:
    import pyarrow as pa
    import pyarrow.compute as pc

    held = rows.histograms
    new_words, new_keys = words.numbers_of(held.words), keys.numbers_of(held.shape_keys)
    ends = pc.cumulative_sum(_integers(held.lengths, pa.int64()))
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), ends]).cast(pa.int32())
    ping = _integers(held.pings, pa.int32())
    ping = pc.add(ping, pa.scalar(numbers, pa.int32())) if isinstance(numbers, int) else numbers.take(ping)
    columns = [
        ping,
        new_words.take(_integers(held.processes, pa.int32())),
        new_words.take(_integers(held.labels, pa.int32())),
        new_keys.take(_integers(held.keys, pa.int32())),
        pa.ListArray.from_arrays(offsets, _integers(held.starts, pa.int64())),
        pa.ListArray.from_arrays(offsets, _integers(held.counts, pa.int64())),
        _integers(held.sums, pa.int64()),
    ]
    if ping.null_count:
        wanted = ping.is_valid()
        columns = [column.filter(wanted) for column in columns]
    return columns


def _dictionary(numbers: "pa.Array", texts: "pa.Array") -> "pa.Array":
    """Return *texts* by their *numbers* as a dictionary of the distinct ones that are used."""
    import pyarrow as pa

    distinct = texts.dictionary_encode()
    used = distinct.indices.take(numbers).dictionary_encode()
    return pa.DictionaryArray.from_arrays(used.indices, distinct.dictionary.take(used.dictionary))


def _from_tuples(table: str, tuples: Sequence[tuple[Any, ...]]) -> dict[str, "pa.Array"]:
    import pyarrow as pa

    schema = schema_of(table)
    names = [name for name in schema.names if name not in _OF_PING]
    numbers, *columns = zip(*tuples, strict=True) if tuples else [()] * (len(names) + 1)
    arrays = {
        name: _column(values, schema.field(name).type) for name, values in zip(names, columns, strict=True)
    }
    return arrays | {"": pa.array(numbers, pa.int32())}
