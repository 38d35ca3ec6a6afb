"""
Rows as Arrow record batches, sorted and in the columns of the Parquet files.

Texts stay dictionary-encoded, as in the files.  Lists and the columns that rows repeat of their ping are put
in order a row group at a time, so that memory holds them once.
PyArrow is an optional extra, so it is imported inside functions.
"""

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from storage.tables.arrays import array_of, integers, take
from storage.tables.columns import (
    EVENTS,
    HISTOGRAMS,
    PING_COLUMNS,
    PINGS,
    ROW_GROUP_ROWS,
    SCALARS,
    SORT_ORDER,
    schema_of,
    written_schema_of,
)
from storage.tables.histogram_arrays import Numbered, histogram_arrays
from storage.tables.rows import TableRows
from storage.tables.sorting import order_of

if TYPE_CHECKING:
    import pyarrow as pa

Part = tuple[TableRows, Sequence[bool] | None]
"""Rows, and for each of their pings whether it is wanted; None where all are."""

Change = Callable[[Any], Any]

_SCALAR_COLUMNS = ("metric", "process", "label", "kind", "value_number", "value_text", "value_boolean")
_EVENT_COLUMNS = ("process", "timestamp_ms", "category", "method", "object", "value", "extra")
_REPEATED = ("ping", "submission_date", *PING_COLUMNS)


class SortedRows:
    """
    The rows of one table in the order of its files; iterating yields them in record batches.

    Args:
        columns: By name.
        pings: Where rows repeat columns of their ping: the table ``pings``, and the place there for each row.
        changes: What is done last to columns, by name.
    """

    def __init__(
        self,
        table: str,
        columns: "Mapping[str, pa.Array]",
        pings: "tuple[Mapping[str, pa.Array], pa.Array] | None" = None,
        changes: Mapping[str, Change] | None = None,
    ) -> None:
        self._table = table
        self._columns = columns
        self._pings = pings
        self._changes = changes or {}
        self._order = order_of([self._whole(name) for name in SORT_ORDER[table]])
        self.num_rows = len(self._order)

    def _whole(self, name: str) -> "pa.Array":
        if name in self._columns or self._pings is None:
            return self._columns[name]
        of_pings, places = self._pings
        return take(of_pings[name], places)

    def __iter__(self) -> "Iterator[pa.RecordBatch]":
        """Yield the rows, `ROW_GROUP_ROWS` at a time."""
        for start in range(0, self.num_rows, ROW_GROUP_ROWS):
            yield self._batch(self._order.slice(start, ROW_GROUP_ROWS))

    def _batch(self, rows: "pa.Array") -> "pa.RecordBatch":
        import pyarrow as pa

        found = {name: take(column, rows) for name, column in self._columns.items()}
        found |= {name: change(found[name]) for name, change in self._changes.items()}
        if self._pings is not None:
            of_pings, places = self._pings
            numbers = places.take(rows)
            found |= {name: take(of_pings[name], numbers) for name in _REPEATED}
        schema = written_schema_of(self._table)
        return pa.record_batch([found[name] for name in schema.names], schema=schema)


def sorted_rows_of(parts: Sequence[Part], first_ping: int = 0) -> dict[str, SortedRows]:
    """
    Return the rows of *parts* by table.

    Args:
        first_ping: The number of the first ping; those behind it have the following ones.
    """
    pings = _Pings(parts, first_ping)
    histograms = histogram_arrays(pings.histograms())
    changes = dict.fromkeys(("starts", "counts"), histograms.wide)
    found = {
        PINGS: SortedRows(PINGS, pings.columns),
        HISTOGRAMS: SortedRows(HISTOGRAMS, histograms.columns, (pings.columns, histograms.pings), changes),
    }
    for table, names in ((SCALARS, _SCALAR_COLUMNS), (EVENTS, _EVENT_COLUMNS)):
        places, columns = _from_tuples(table, names, pings.tuples(table))
        found[table] = SortedRows(table, columns, (pings.columns, places))
    return found


class _Pings:
    """The pings of several `TableRows` with consecutive numbers; unwanted pings have none."""

    def __init__(self, parts: Sequence[Part], first: int) -> None:
        import pyarrow as pa

        self._parts = parts
        # For each part the place of its first ping; where some are unwanted, that of each.
        self._places: list[Sequence[int | None] | int] = []
        wanted: list[tuple[Any, ...]] = []
        for rows, keep in parts:
            if keep is None:
                self._places.append(len(wanted))
                wanted += rows.pings
                continue
            places: list[int | None] = []
            for ping, is_kept in zip(rows.pings, keep, strict=True):
                places.append(len(wanted) if is_kept else None)
                if is_kept:
                    wanted.append(ping)
            self._places.append(places)
        *fields, _ = schema_of(PINGS)
        columns = list(zip(*wanted, strict=True)) or [()] * len(fields)
        self.columns = {
            field.name: array_of(values, field.type) for values, field in zip(columns, fields, strict=True)
        }
        self.columns["ping"] = integers(array("q", range(first, first + len(wanted))), pa.int64())

    def histograms(self) -> list[Numbered]:
        """Return the histograms of each part, with the places of its pings."""
        return [
            (rows.histograms, places) for (rows, _), places in zip(self._parts, self._places, strict=True)
        ]

    def tuples(self, table: str) -> list[tuple[Any, ...]]:
        """Return the tuples of *table*, with the place of their ping."""
        found: list[tuple[Any, ...]] = []
        for (rows, _), places in zip(self._parts, self._places, strict=True):
            tuples: list[Any] = rows.scalars if table == SCALARS else rows.events
            if isinstance(places, int):
                found += [(row[0] + places, *row[1:]) for row in tuples]
            else:
                found += [(place, *row[1:]) for row in tuples if (place := places[row[0]]) is not None]
        return found


def _from_tuples(
    table: str, names: Sequence[str], tuples: Sequence[tuple[Any, ...]]
) -> "tuple[pa.Array, dict[str, pa.Array]]":
    import pyarrow as pa

    schema = schema_of(table)
    places, *columns = zip(*tuples, strict=True) if tuples else [()] * (len(names) + 1)
    arrays = {
        name: array_of(values, schema.field(name).type) for name, values in zip(names, columns, strict=True)
    }
    return pa.array(places, pa.int32()), arrays
