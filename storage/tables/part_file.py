"""Parquet part files: written whole or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storage.disk import Disk
from storage.tables.columns import ROW_GROUP_ROWS

if TYPE_CHECKING:
    import pyarrow as pa

TABLES_FOLDER = "tables"
COMPRESSION, COMPRESSION_LEVEL = "zstd", 3
# Values that repeat are kept as dictionaries; ids of documents too, since a ping has many rows.
MAX_DICTIONARY_BYTES = 2 * 2**20


@dataclass(frozen=True, slots=True)
class TableFile:
    """One committed Parquet file."""

    table: str
    day: str  # YYYYMMDD of arrival
    name: str  # part-<number>.parquet
    rows: int
    bytes: int

    @property
    def path(self) -> str:
        """The file's path below the data root."""
        return f"{TABLES_FOLDER}/{self.table}/{self.day}/{self.name}"


def part_name(number: int) -> str:
    """Return the name of the part with *number*, which is never given out again."""
    return f"part-{number:010}.parquet"


def parquet_bytes(rows: "pa.Table") -> "pa.Buffer":
    """
    Return *rows* as the bytes of a Parquet file.

    The Arrow schema is left out of the file: with it, readers build dictionaries again and skip no row groups.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(
        rows,
        sink,
        row_group_size=ROW_GROUP_ROWS,
        compression=COMPRESSION,
        compression_level=COMPRESSION_LEVEL,
        store_schema=False,
        write_page_index=False,
        dictionary_pagesize_limit=MAX_DICTIONARY_BYTES,
    )
    return sink.getvalue()


def write_parts(disk: Disk, root: Path, parts: Sequence[tuple[TableFile, "pa.Buffer"]]) -> None:
    """
    Write files durably under their final names; they count once the ledger lists them.

    Raises:
        OSError: The disk refuses; some of the files may be there, and the ledger knows them as staged.
    """
    folders = set()
    for file, data in parts:
        path = root / file.path
        disk.make_directories(path.parent)
        unfinished = path.with_name(f".{path.name}.tmp")
        disk.unlink(unfinished)
        descriptor = disk.create(unfinished)
        try:
            disk.write(descriptor, [memoryview(data)])
            disk.sync_data(descriptor)
        finally:
            disk.close(descriptor)
        disk.rename(unfinished, path)
        folders.add(path.parent)
    for folder in folders:
        disk.sync_directory(folder)
