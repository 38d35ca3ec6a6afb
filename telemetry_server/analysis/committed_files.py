"""The committed Parquet files of one moment, held open so that compaction cannot take them away."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from storage.ledger.archived_files import ArchivedObject
from storage.open_files import opened
from storage.tables.columns import schema_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds

OPEN_ATTEMPTS = 20
_DESCRIPTOR = re.compile(r"/dev/fd/\d+")
_READING_FAILED = re.compile(r"reading the stream registered as '\w+' failed: (?P<reason>.*[^.])", re.DOTALL)
ADVICE = "telemetry-server tables check lists what is wrong"


@dataclass(frozen=True, slots=True)
class CommittedFile:
    """One Parquet file that the ledger lists."""

    table: str
    day: str  # YYYYMMDD
    path: Path  # absolute
    rows: int
    bytes: int
    archived: ArchivedObject | None = None  # its copy in the archive


class SnapshotFailed(Exception):
    """The files changed at every attempt, or one that the ledger lists is missing or damaged.  One line."""


class Snapshot:
    """
    Files of one moment.  Use it with ``with``; leaving closes them.

    Args:
        list_files: Reads the ledger's list; called again where a listed file was replaced meanwhile.
    """

    def __init__(self, list_files: Callable[[], Sequence[CommittedFile]]) -> None:
        self._list_files = list_files
        self._descriptors: list[int] = []
        self._sources: list[str | ArchivedObject] = []
        self.failures: list[Exception] = []  # of files in the archive, which DuckDB does not pass on whole
        self.files: Sequence[CommittedFile] = ()

    def __enter__(self) -> "Snapshot":
        missing: CommittedFile | None = None
        for _ in range(OPEN_ATTEMPTS):
            self.files = self._list_files()
            missing = self._open(self.files)
            if missing is None:
                return self
        assert missing is not None
        raise SnapshotFailed(f"{missing.path} is missing; {ADVICE}")

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all files; datasets of this snapshot no longer read."""
        self._sources.clear()
        while self._descriptors:
            os.close(self._descriptors.pop())

    def _open(self, files: Iterable[CommittedFile]) -> CommittedFile | None:
        """Open *files*, but for those that are only in the archive; return the first that is missing."""
        try:
            for file in files:
                try:
                    self._descriptors.append(opened(file.path))
                    self._sources.append(f"/dev/fd/{self._descriptors[-1]}")
                except FileNotFoundError:
                    if file.archived is None:
                        raise
                    self._sources.append(file.archived)
        except FileNotFoundError:
            self.close()
            return file
        except BaseException:
            self.close()
            raise
        return None

    def damage(self, error: str) -> "SnapshotFailed | None":
        """Return what *error* of DuckDB says of a file of this snapshot; None if it is of something else."""
        found = _READING_FAILED.search(error)
        if found is None:
            return None
        paths = {source: str(file.path) for file, source in self._opened_files() if isinstance(source, str)}
        reason = _DESCRIPTOR.sub(lambda source: paths.get(source[0], source[0]), found["reason"])
        return SnapshotFailed(f"a table cannot be read ({reason}); {ADVICE}")

    def sources(self, table: str) -> list[str | ArchivedObject]:
        """
        Return where each file of *table* is read: a path, or an object of the archive.

        A path leads to the same bytes after the file is unlinked, in this process, and as long as the
        snapshot is open.
        """
        return [source for file, source in self._opened_files() if file.table == table]

    def days(self, table: str) -> list[tuple[str, str | ArchivedObject]]:
        """Return day and source of each file of *table*."""
        return [(file.day, source) for file, source in self._opened_files() if file.table == table]

    def _opened_files(self) -> list[tuple[CommittedFile, str | ArchivedObject]]:
        return list(zip(self.files, self._sources, strict=True))

    def dataset(self, table: str) -> "ds.Dataset":
        """
        Return *table* as an Arrow dataset over the open files.

        Raises:
            KeyError: The table does not exist.
        """
        import pyarrow.dataset as ds

        schema = schema_of(table)
        days = self.days(table)
        if not days:
            return ds.dataset(schema.empty_table())
        # Otherwise the bytes of all columns of a row group are in memory before the first is decoded.
        options = ds.ParquetFragmentScanOptions(pre_buffer=False)
        parquet = ds.ParquetFileFormat(default_fragment_scan_options=options)
        parts = []
        if paths := [source for _, source in days if isinstance(source, str)]:
            parts.append(ds.dataset(paths, format=parquet, schema=schema))
        if objects := [source for _, source in days if isinstance(source, ArchivedObject)]:
            parts.append(_dataset_of_objects(objects, parquet, schema, self.failures.append))
        return parts[0] if len(parts) == 1 else ds.dataset(parts)


def _dataset_of_objects(
    objects: "Sequence[ArchivedObject]",
    parquet: "ds.ParquetFileFormat",
    schema: "pa.Schema",
    on_failure: Callable[[Exception], None],
) -> "ds.Dataset":
    """Return objects of the archive as an Arrow dataset; those of days that a query excludes are not read."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    from storage.archive.object_reading import open_object

    fragments = []
    for found in objects:
        day = pa.scalar(datetime.strptime(found.day, "%Y%m%d").date())
        file = pa.PythonFile(open_object(found, on_failure), mode="r")
        fragments.append(parquet.make_fragment(file, partition_expression=ds.field("submission_date") == day))
    return ds.FileSystemDataset(fragments, schema, parquet)
