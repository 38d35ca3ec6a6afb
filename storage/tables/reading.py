"""Reads rows of one part file in its order: all of them in batches, or those of one metric."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from storage.archive.object_reading import open_object
from storage.ledger.archived_files import ArchivedObject
from storage.tables.columns import text_columns_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


PartSource = str | Path | BinaryIO | ArchivedObject
"""Where a part file is read; see `storage.archive.object_reading.stored_source`."""


def open_part(table: str, source: PartSource) -> "pq.ParquetFile":
    """
    Return an open part file of *table* whose texts stay dictionary-encoded.

    Raises:
        OSError, pyarrow.ArrowInvalid, ArchiveError: It cannot be read.
    """
    import pyarrow.parquet as pq

    # A file of this machine is read column by column; reading ahead is for requests over a network.
    reads_ahead = not isinstance(source, str | Path)
    if isinstance(source, ArchivedObject):
        source = open_object(source)
    metadata = pq.read_metadata(source)
    names = frozenset(metadata.schema.to_arrow_schema().names)
    # A file of an older server may lack columns.
    texts = [name for name in text_columns_of(table) if name in names]
    return pq.ParquetFile(source, read_dictionary=texts, metadata=metadata, pre_buffer=reads_ahead)


class PartReader:
    """
    One open part file of *table*; texts stay dictionary-encoded.

    Raises:
        OSError, pyarrow.ArrowInvalid, ArchiveError: It cannot be read.
    """

    def __init__(self, table: str, source: PartSource) -> None:
        self._file = open_part(table, source)
        schema = self._file.metadata.schema
        self.names = frozenset(schema.to_arrow_schema().names)
        self._places = {name: place for place, name in enumerate(schema.names)}

    def __enter__(self) -> "PartReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def batches(self, columns: Sequence[str], rows: int) -> "Iterator[pa.Table]":
        """Yield *columns* of all rows, in batches of at most *rows* or of one row group."""
        groups: list[int] = []
        size = 0
        for group in range(self._file.num_row_groups):
            count = self._file.metadata.row_group(group).num_rows
            if groups and size + count > rows:
                yield self._read(groups, columns)
                groups, size = [], 0
            groups.append(group)
            size += count
        if groups:
            yield self._read(groups, columns)

    def of_metric(self, metric: str, columns: Sequence[str]) -> "Iterator[pa.Table]":
        """Yield *columns* of the rows of *metric*; other row groups are not read."""
        import pyarrow.compute as pc

        for group in range(self._file.num_row_groups):
            if not self._may_hold(group, metric):
                continue
            read = self._read([group], ["metric", *columns])
            found = read.filter(pc.equal(read.column("metric"), metric))
            if found.num_rows:
                yield found.select(columns)

    def may_hold(self, column: str, least: int, most: int) -> bool:
        """Return whether whole numbers of *column* may be between *least* and *most*, both included."""
        for group in range(self._file.num_row_groups):
            statistics = self._file.metadata.row_group(group).column(self._places[column]).statistics
            if statistics is None or not statistics.has_min_max:
                return True
            if statistics.min <= most and least <= statistics.max:
                return True
        return False

    def metrics(self) -> "Iterator[pa.Array]":
        """Yield the distinct metrics of each row group."""
        for group in range(self._file.num_row_groups):
            yield self._read([group], ["metric"]).column("metric").unique()

    def _may_hold(self, group: int, metric: str) -> bool:
        statistics = self._file.metadata.row_group(group).column(self._places["metric"]).statistics
        if statistics is None or not statistics.has_min_max:
            return True
        return bool(statistics.min <= metric <= statistics.max)

    def _read(self, groups: Sequence[int], columns: Sequence[str]) -> "pa.Table":
        known = [name for name in columns if name in self.names]
        return self._file.read_row_groups(list(groups), columns=known, use_threads=False)
