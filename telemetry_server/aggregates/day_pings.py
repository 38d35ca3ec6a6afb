"""The pings of one day, read from its table files as they are needed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from storage.archive.object_reading import stored_source
from storage.data_root import DataRoot
from storage.ledger.archived_files import ArchivedObject
from storage.ledger.table_files import TableFile
from storage.tables.columns import COUNTRY, PING_KEY, PINGS
from storage.tables.reading import PartReader, PartSource
from telemetry_server.aggregates.facts import Pings

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 16_384


class DayPings:
    """
    The pings of one day.

    Args:
        files: The table files of the day.
        archived: Their copies in the archive, by path.
    """

    def __init__(
        self, root: DataRoot, files: Iterable[TableFile], archived: Mapping[str, ArchivedObject]
    ) -> None:
        self._root = root.path
        self._archived = archived
        self._sources = [self.source(file) for file in files if file.table == PINGS]

    def source(self, file: TableFile) -> PartSource:
        """Return where *file* of the day is read: here, or in the archive."""
        return stored_source(self._root, file.path, self._archived.get)

    def of(self, keys: "pa.Array", *, by_country: bool = False) -> Pings:
        """
        Return the pings with *keys*, in the order of the files; others are not read.

        Args:
            by_country: The country is one of their dimensions.

        Raises:
            FileNotFoundError: A file was replaced.
            OSError, pyarrow.ArrowInvalid: One cannot be read.
        """
        import pyarrow.compute as pc

        least, most = pc.min_max(keys).as_py().values()
        columns = (*Pings.PING_COLUMNS, *((COUNTRY,) if by_country else ()))
        read = (rows for source in self._sources for rows in _rows_between(source, columns, least, most))
        return Pings(_chosen(rows, keys, least, most) for rows in read)


def _chosen(rows: "pa.Table", keys: "pa.Array", least: int, most: int) -> "pa.Table":
    """Return the *rows* with *keys*, of which *least* and *most* are the ends."""
    import pyarrow as pa
    import pyarrow.compute as pc

    own = rows.column(PING_KEY)
    if len(keys) == most - least + 1:
        first, last = pa.scalar(least, own.type), pa.scalar(most, own.type)
        return rows.filter(pc.and_(pc.greater_equal(own, first), pc.less_equal(own, last)))
    return rows.filter(pc.is_in(own, value_set=keys))


def _rows_between(source: PartSource, columns: Sequence[str], least: int, most: int) -> "Iterable[pa.Table]":
    with PartReader(PINGS, source) as part:
        if part.may_hold(PING_KEY, least, most):
            yield from part.batches(columns, BATCH_ROWS)
