"""
Writes the row groups of one part file.

Where there is a compiled writer, it encodes new rows, and those of merged files of the table ``histograms``;
PyArrow's encodes all others.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.disk import Disk
from storage.tables.arrow_chunks import chunks_of
from storage.tables.columns import (
    HISTOGRAMS,
    ROW_GROUP_ROWS,
    SPLIT_BYTES,
    columns_of,
    has_statistics,
    leaf_paths_of,
    written_schema_of,
)
from storage.tables.compiled import page_bodies
from storage.tables.dictionaries import with_used_words
from storage.tables.parquet.file_writer import FileWriter
from storage.tables.row_groups import RowGroup

if TYPE_CHECKING:
    import pyarrow as pa

COMPRESSION, COMPRESSION_LEVEL = "zstd", 1


class DiskFile:
    """A new file that is written through a `Disk`, by PyArrow too."""

    mode = "wb"

    def __init__(self, disk: Disk, path: Path) -> None:
        self._disk = disk
        self._descriptor = disk.create(path)
        self.written = 0
        self.closed = False

    def write(self, data: Any) -> int:
        """Append *data*, and return how many bytes it has."""
        if self.closed:
            # A discarded writer still writes the end of its file.
            return memoryview(data).nbytes
        return self.write_all([memoryview(data).cast("B")])

    def write_all(self, parts: Sequence[bytes | memoryview]) -> int:
        """Append *parts*, and return how many bytes they have."""
        count = self._disk.write(self._descriptor, parts)
        self.written += count
        return count

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self.written

    def flush(self) -> None:
        """Do nothing: writes are not buffered."""

    def sync(self) -> None:
        """Wait until the bytes are on stable storage."""
        self._disk.sync_data(self._descriptor)

    def close(self) -> None:
        """Stay open: PyArrow closes before `sync`."""

    def end(self) -> None:
        """Close the file."""
        if not self.closed:
            self.closed = True
            self._disk.close(self._descriptor)


class PartWriter:
    """
    Writes the row groups of one part file; rows must be in the order of the table.

    Raises:
        OSError: The disk refuses.
    """

    def __init__(self, table: str, file: DiskFile) -> None:
        self._writer: Any = (
            _compiled_writer(table, file)
            if table == HISTOGRAMS and page_bodies.IS_COMPILED
            else _arrow_writer(table, file)
        )
        self._held: list[pa.Table] = []
        self._held_rows = 0
        self.rows = 0

    def write(self, rows: "pa.Table") -> None:
        """Add *rows*; rows that do not fill a row group are held until more are added."""
        import pyarrow as pa

        self.rows += rows.num_rows
        self._held.append(rows)
        self._held_rows += rows.num_rows
        whole = self._held_rows - self._held_rows % ROW_GROUP_ROWS
        if whole:
            held = pa.concat_tables(self._held)
            self._put(held.slice(0, whole))
            self._held = [held.slice(whole)]
            self._held_rows -= whole

    def finish(self) -> None:
        """Write the held rows and the end of the file."""
        import pyarrow as pa

        if self._held_rows:
            self._put(pa.concat_tables(self._held))
        self._writer.close()

    def _put(self, rows: "pa.Table") -> None:
        rows = rows.unify_dictionaries().combine_chunks()
        for start in range(0, rows.num_rows, ROW_GROUP_ROWS):
            group = rows.slice(start, ROW_GROUP_ROWS)
            if isinstance(self._writer, FileWriter):
                self._writer.write(chunks_of(group), group.num_rows)
            else:
                self._writer.write_table(with_used_words(group))


class GroupWriter:
    """
    Writes a part file of row groups that are encoded.

    Raises:
        OSError: The disk refuses.
    """

    def __init__(self, table: str, file: DiskFile) -> None:
        self._writer = _compiled_writer(table, file)
        self.rows = 0

    def write(self, group: RowGroup) -> None:
        """Add *group*."""
        self._writer.write(group.chunks, group.num_rows)
        self.rows += group.num_rows

    def finish(self) -> None:
        """Write the end of the file."""
        self._writer.close()


def _compiled_writer(table: str, file: DiskFile) -> FileWriter:
    return FileWriter(columns_of(table), file.write_all, COMPRESSION_LEVEL)


def _arrow_writer(table: str, file: DiskFile) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    split = SPLIT_BYTES.get(table, ())
    # The file has no Arrow schema: with it, readers would rebuild dictionaries and
    # could not skip row groups.
    options = {"store_schema": False, "write_page_index": False}
    return pq.ParquetWriter(
        pa.PythonFile(file, mode="w"),
        written_schema_of(table),
        compression=COMPRESSION,
        compression_level=COMPRESSION_LEVEL,
        write_batch_size=ROW_GROUP_ROWS,
        use_dictionary=[path for path in leaf_paths_of(table) if path not in split],
        column_encoding=dict.fromkeys(split, "BYTE_STREAM_SPLIT") or None,
        write_statistics=[name for name in columns_of(table) if has_statistics(table, name)],
        **options,
    )
