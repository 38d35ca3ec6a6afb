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
        self.numbers = pa.concat_arrays(numbers)
        self._ids = pa.concat_arrays(ids)
        self.keys = pa.concat_arrays(keys)

    def with_ids(self, rows: "pa.RecordBatch") -> "pa.RecordBatch":
        """Return *rows* with ids of pings in place of numbers; null where a number is unknown."""
        import pyarrow as pa
        import pyarrow.compute as pc

        places = pc.index_in(rows.column("ping"), value_set=self.numbers)
        others = [name for name in rows.schema.names if name != "ping"]
        columns = [self._ids.take(places), *(rows.column(name) for name in others)]
        return pa.RecordBatch.from_arrays(columns, names=["document_id", *others])


class UnknownPing(Exception):
    """A ping has no number in the committed files."""


class PingNumbers:
    """
    Replaces the numbers of *pings* by those that the same pings have in *committed*.

    Raises:
        UnknownPing: One of them has none there.
    """

    def __init__(self, pings: PingIds, committed: PingIds) -> None:
        import pyarrow.compute as pc

        self._old = pings.numbers
        self._new = committed.numbers.take(pc.index_in(pings.keys, value_set=committed.keys))
        if self._new.null_count:
            raise UnknownPing

    def change(self, rows: "pa.RecordBatch") -> "pa.RecordBatch":
        """Return *rows* with the numbers changed."""
        import pyarrow.compute as pc

        numbers = self._new.take(pc.index_in(rows.column("ping"), value_set=self._old))
        return rows.set_column(rows.schema.get_field_index("ping"), rows.schema.field("ping"), numbers)


def _plain(column: "pa.Array | pa.ChunkedArray") -> "pa.Array":
    """Return *column* as one array of plain values."""
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.storage if isinstance(column, pa.ExtensionArray) else column
