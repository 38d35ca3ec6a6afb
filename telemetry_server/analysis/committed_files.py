"""The committed Parquet files of one moment, held open so that compaction cannot take them away."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storage.open_files import opened
from storage.tables.columns import schema_of

if TYPE_CHECKING:
    import pyarrow.dataset as ds

OPEN_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class CommittedFile:
    """One Parquet file that the ledger lists."""

    table: str
    day: str  # YYYYMMDD
    path: Path  # absolute
    rows: int
    bytes: int


class SnapshotFailed(Exception):
    """The files changed at every attempt, or one that the ledger lists is missing.  One line."""


class Snapshot:
    """
    Files of one moment.  Use it with ``with``; leaving closes them.

    Args:
        list_files: Reads the ledger's list; called again where a listed file was replaced meanwhile.
    """

    def __init__(self, list_files: Callable[[], Sequence[CommittedFile]]) -> None:
        self._list_files = list_files
        self._descriptors: list[int] = []
        self.files: Sequence[CommittedFile] = ()

    def __enter__(self) -> "Snapshot":
        missing: CommittedFile | None = None
        for _ in range(OPEN_ATTEMPTS):
            self.files = self._list_files()
            missing = self._open(self.files)
            if missing is None:
                return self
        assert missing is not None
        raise SnapshotFailed(f"{missing.path} is missing; telemetry-server tables check lists what is wrong")

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all files; datasets of this snapshot no longer read."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    def _open(self, files: Iterable[CommittedFile]) -> CommittedFile | None:
        """Open *files*; return the first that is missing."""
        try:
            for file in files:
                self._descriptors.append(opened(file.path))
        except FileNotFoundError:
            self.close()
            return file
        except BaseException:
            self.close()
            raise
        return None

    def paths(self, table: str) -> list[str]:
        """
        Return a path for each file of *table* that leads to the same bytes after the file is unlinked.

        They hold in this process, and as long as the snapshot is open.
        """
        opened = zip(self.files, self._descriptors, strict=True)
        return [f"/dev/fd/{descriptor}" for file, descriptor in opened if file.table == table]

    def days(self, table: str) -> list[tuple[str, str]]:
        """Return day and path of each file of *table*; the paths are those of `paths`."""
        days = [file.day for file in self.files if file.table == table]
        return list(zip(days, self.paths(table), strict=True))

    def dataset(self, table: str) -> "ds.Dataset":
        """
        Return *table* as an Arrow dataset over the open files.

        Raises:
            KeyError: The table does not exist.
        """
        import pyarrow.dataset as ds

        schema = schema_of(table)
        paths = self.paths(table)
        if not paths:
            return ds.dataset(schema.empty_table())
        # Otherwise the bytes of all columns of a row group are in memory before the first is decoded.
        options = ds.ParquetFragmentScanOptions(pre_buffer=False)
        parquet = ds.ParquetFileFormat(default_fragment_scan_options=options)
        return ds.dataset(paths, format=parquet, schema=schema)
