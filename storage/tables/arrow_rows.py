"""
Rows as Arrow record batches, sorted and in the columns of the Parquet files.

Texts stay dictionary-encoded, as in the files.  Lists and the columns that rows repeat of their ping are put
in order a row group at a time, so that memory holds them once.
PyArrow is an optional extra, so it is imported inside functions.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from storage.tables.arrays import array_of, take
from storage.tables.columns import (
    HISTOGRAMS,
    PINGS,
    REPEATED_COLUMNS,
    ROW_GROUP_ROWS,
    SCALARS,
    SORT_ORDER,
    TABLES,
    schema_of,
    written_schema_of,
)
from storage.tables.histogram_arrays import histogram_arrays, spilled_arrays
from storage.tables.ping_arrays import ping_arrays
from storage.tables.rows import TableRows
from storage.tables.scalar_arrays import scalar_arrays
from storage.tables.sorting import order_of
from storage.tables.spilled_histograms import SpilledHistograms

if TYPE_CHECKING:
    import pyarrow as pa

Part = tuple[TableRows, Sequence[bool] | None]
"""Rows, and for each of their pings whether it is wanted; None where all are."""

Places = Sequence[int | None] | int
"""For each ping of a part its place in the table ``pings``; that of the first where all are wanted."""

Lists = Callable[["pa.Array"], Mapping[str, "pa.Array"]]

# About so many rows from disk are in memory at once, unless one metric has more.
READ_ROWS = ROW_GROUP_ROWS // 2


class SortedRows:
    """
    The rows of one table in the order of its files; iterating yields them in record batches.

    Args:
        columns: By name.
        pings: Where rows repeat columns of their ping: the table ``pings``, and the place there for each row.
        lists: Returns the columns of lists for rows that it is given the places of.
    """

    def __init__(
        self,
        table: str,
        columns: "Mapping[str, pa.Array]",
        pings: "tuple[Mapping[str, pa.Array], pa.Array] | None" = None,
        lists: Lists | None = None,
    ) -> None:
        self._table = table
        self._columns = columns
        self._pings = pings
        self._lists = lists
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
        if self._lists is not None:
            found |= self._lists(rows)
        if self._pings is not None:
            of_pings, places = self._pings
            numbers = places.take(rows)
            found |= {name: take(of_pings[name], numbers) for name in REPEATED_COLUMNS}
        schema = written_schema_of(self._table)
        return pa.record_batch([found[name] for name in schema.names], schema=schema)


class SpilledRows:
    """The rows of the table ``histograms`` that are on disk, in the order of its files."""

    def __init__(self, spilled: SpilledHistograms, pings: "Mapping[str, pa.Array]") -> None:
        self._spilled = spilled
        self._pings = pings
        self.num_rows = spilled.num_rows

    def __iter__(self) -> "Iterator[pa.RecordBatch]":
        """Yield the rows, at most `ROW_GROUP_ROWS` at a time."""
        for columns in self._spilled.in_order(READ_ROWS):
            some = spilled_arrays(columns, self._spilled.names)
            yield from SortedRows(HISTOGRAMS, some.columns, (self._pings, some.pings), some.lists)


SortedTable = SortedRows | SpilledRows
"""The rows of one table in the order of its files."""


def sorted_rows_of(
    parts: Sequence[Part], first_ping: int = 0, spilled: SpilledHistograms | None = None
) -> dict[str, SortedTable]:
    """
    Return the rows of *parts* by table.

    Args:
        first_ping: The number of the first ping; those behind it have the following ones.
        spilled: The histograms of *parts*, where they are on disk.
    """
    numbered = [(rows, number) for (rows, _), number in zip(parts, places_of(parts), strict=True)]
    pings = ping_arrays([(rows.pings, keep) for rows, keep in parts], first_ping)
    places, scalars = scalar_arrays([(rows.scalars, number) for rows, number in numbered])
    found: dict[str, SortedTable] = {
        PINGS: SortedRows(PINGS, pings),
        HISTOGRAMS: _histograms(numbered, pings) if spilled is None else SpilledRows(spilled, pings),
        SCALARS: SortedRows(SCALARS, scalars, (pings, places)),
    }
    for table in TABLES:
        if table not in found:
            places, columns = _from_tuples(table, tuples_of(table, numbered))
            found[table] = SortedRows(table, columns, (pings, places))
    return found


def _histograms(numbered: Sequence[tuple[TableRows, Places]], pings: "Mapping[str, pa.Array]") -> SortedRows:
    found = histogram_arrays([(rows.histograms, number) for rows, number in numbered])
    return SortedRows(HISTOGRAMS, found.columns, (pings, found.pings), found.lists)


def places_of(parts: Sequence[Part]) -> Iterator[Places]:
    """Yield the places of the pings of each part among all wanted ones."""
    count = 0
    for rows, keep in parts:
        if keep is None:
            yield count
            count += len(rows.pings)
            continue
        places: list[int | None] = []
        for is_kept in keep:
            places.append(count if is_kept else None)
            count += is_kept
        yield places


def tuples_of(table: str, parts: Sequence[tuple[TableRows, Places]]) -> list[tuple[Any, ...]]:
    """Return the tuples of *table*, with the place of their ping."""
    found: list[tuple[Any, ...]] = []
    for rows, places in parts:
        tuples: list[Any] = getattr(rows, table)
        if isinstance(places, int):
            found += [(row[0] + places, *row[1:]) for row in tuples]
        else:
            found += [(place, *row[1:]) for row in tuples if (place := places[row[0]]) is not None]
    return found


def _from_tuples(table: str, tuples: Sequence[tuple[Any, ...]]) -> "tuple[pa.Array, dict[str, pa.Array]]":
    import pyarrow as pa

    schema = schema_of(table)
    names = [name for name in schema.names if name not in REPEATED_COLUMNS]
    places, *columns = zip(*tuples, strict=True) if tuples else [()] * (len(names) + 1)
    arrays = {
        name: array_of(values, schema.field(name).type) for name, values in zip(names, columns, strict=True)
    }
    return pa.array(places, pa.int32()), arrays
