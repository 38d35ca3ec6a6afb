"""The session of notebooks: a DuckDB connection that also gives the committed files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.data_root import DataRoot
from telemetry_server.analysis.catalogue import catalogue_of
from telemetry_server.analysis.committed_files import CommittedFile, Snapshot
from telemetry_server.analysis.extras import require_tables
from telemetry_server.analysis.query import cache_in
from telemetry_server.analysis.session import SessionLimits, open_session
from telemetry_server.analysis.streams import streams_of

if TYPE_CHECKING:
    import duckdb
    import polars as pl
    import pyarrow.dataset as ds


class AnalysisConnection:
    """
    A DuckDB connection over one moment's committed tables.

    Every method of DuckDB's own connection is here: ``sql``, ``execute``, ``fetchall``, ``df``, ``register``…
    Use it with ``with``, or `close` it.
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection", snapshot: Snapshot) -> None:
        self._connection = connection
        self._snapshot = snapshot

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def __enter__(self) -> "AnalysisConnection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if "_snapshot" in self.__dict__:
            self._snapshot.close()

    def close(self) -> None:
        """Close the session and its files."""
        self._connection.close()
        self._snapshot.close()

    def files(self, table: str | None = None) -> Sequence[CommittedFile]:
        """Return the committed files of this session, or those of *table*."""
        return [file for file in self._snapshot.files if table in (None, file.table)]

    def dataset(self, table: str) -> "ds.Dataset":
        """
        Return the files of *table* (``pings``, ``histograms``, ``scalars``, ``events``) for PyArrow.

        It reads as long as this connection is open, whatever compaction does meanwhile.

        Raises:
            KeyError: The table does not exist.
        """
        return self._snapshot.dataset(table)

    def lazy_frame(self, table: str) -> "pl.LazyFrame":
        """
        Return the files of *table* for Polars, which must be installed.

        It reads as long as this connection is open, whatever compaction does meanwhile.

        Raises:
            KeyError: The table does not exist.
        """
        import polars as pl

        sources = self._snapshot.sources(table)
        paths = [source for source in sources if isinstance(source, str)]
        if len(paths) < len(sources):
            return pl.scan_pyarrow_dataset(self.dataset(table))
        if not paths:
            frame = pl.from_arrow(self.dataset(table).to_table())
            assert isinstance(frame, pl.DataFrame)
            return frame.lazy()
        return pl.scan_parquet(paths)


def open_connection(
    data_dir: Path, memory_bytes: int | None, threads: int | None, specs_dir: Path | None
) -> AnalysisConnection:
    """Open a session over *data_dir*, as `telemetry_server.analysis.connect` describes."""
    root = DataRoot(data_dir.resolve())
    catalogue = catalogue_of(root)
    require_tables()
    snapshot = Snapshot(catalogue.files)
    snapshot.__enter__()
    try:
        streams = streams_of(root, lambda: cache_in(specs_dir or root.specs), catalogue)
        connection = open_session(snapshot, streams, SessionLimits(memory_bytes, threads))
    except BaseException:
        snapshot.close()
        raise
    return AnalysisConnection(connection, snapshot)
