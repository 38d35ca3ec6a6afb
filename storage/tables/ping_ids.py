"""The pings that rows name by number: their ids, and their numbers in the committed files."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

KEY_COLUMNS = ("document_id", "namespace", "doctype")
"""What identifies a ping among those of its day."""


class PingIds:
    """
    Pings by their number.

    Args:
        pings: Rows of the table ``pings`` with at least `KEY_COLUMNS` and ``ping``.
    """

    def __init__(self, pings: "Iterable[pa.RecordBatch | pa.Table]") -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        numbers, ids, keys = (
            [pa.array([], pa.int64())],
            [pa.array([], pa.binary(16))],
            [pa.array([], pa.binary())],
        )
        for rows in pings:
            columns = [_plain(rows.column(name)) for name in KEY_COLUMNS]
            numbers.append(_plain(rows.column("ping")))
            ids.append(columns[0])
            keys.append(pc.binary_join_element_wise(*(each.cast(pa.binary()) for each in columns), b"/"))
        self._numbers = pa.concat_arrays(numbers)
        self._ids = pa.concat_arrays(ids)
        self._keys = pa.concat_arrays(keys)

    def with_ids(self, rows: "pa.RecordBatch") -> "pa.RecordBatch":
        """Return *rows* with the ids of their pings in place of the numbers; null where a number is unknown."""
        import pyarrow as pa
        import pyarrow.compute as pc

        places = pc.index_in(rows.column("ping"), value_set=self._numbers)
        others = [name for name in rows.schema.names if name != "ping"]
        columns = [self._ids.take(places), *(rows.column(name) for name in others)]
        return pa.RecordBatch.from_arrays(columns, names=["document_id", *others])

    def renumbered(self, rows: "pa.RecordBatch", committed: "PingIds") -> "pa.RecordBatch":
        """
        Return *rows* with the numbers that their pings have in *committed*.

        Raises:
            KeyError: One of the pings has none there.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        numbers = committed._numbers.take(pc.index_in(self._keys, value_set=committed._keys))
        if numbers.null_count:
            raise KeyError("ping")
        column = numbers.take(pc.index_in(rows.column("ping"), value_set=self._numbers))
        columns = [column if name == "ping" else rows.column(name) for name in rows.schema.names]
        return pa.RecordBatch.from_arrays(columns, schema=rows.schema)


def _plain(column: "pa.Array | pa.ChunkedArray") -> "pa.Array":
    """Return *column* as one array of plain values."""
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.storage if isinstance(column, pa.ExtensionArray) else column
