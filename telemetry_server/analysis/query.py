"""Runs statements over one moment's committed tables, within limits of time and memory."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storage.data_root import DataRoot
from telemetry_server.analysis.catalogue import Catalogue, catalogue_of
from telemetry_server.analysis.committed_files import Snapshot
from telemetry_server.analysis.extras import require_tables
from telemetry_server.analysis.session import SessionLimits, open_session
from telemetry_server.analysis.statement import StatementRefused, check_statement, one_line
from telemetry_server.analysis.streams import RowStream, streams_of
from telemetry_server.analysis.watch import StatementHung, StatementStopped, limited_memory, run_watched
from telemetry_server.probes.anonymity import Doctypes

if TYPE_CHECKING:
    import duckdb

    from histogram_specs.cache.revision_cache import RevisionCache

Consume = Callable[["duckdb.DuckDBPyConnection", str], None]
"""Runs a statement that was checked, and takes its result."""


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """What one statement may use."""

    timeout_seconds: float = 60.0
    memory_bytes: int = 2**30


@dataclass(frozen=True, slots=True)
class QuerySession:
    """A session for statements that others may have typed."""

    connection: "duckdb.DuckDBPyConnection"
    streams: Mapping[str, RowStream]
    limits: QueryLimits
    snapshot: Snapshot

    def run(self, statement: str, consume: Consume) -> None:
        """
        Check *statement* and hand it to *consume*, in a thread of its own.

        Raises:
            StatementRefused: It is not one SELECT over the tables, or DuckDB finds it wrong.
            StatementStopped: It took too much time or memory.
            StatementHung: It goes on after it was stopped.
            SnapshotFailed: A file of a table is damaged.
            KeyboardInterrupt: The user pressed Ctrl-C, and it has ended.
            Exception: What *consume*, or the reading of a table, raises.
        """
        import duckdb

        def work() -> None:
            consume(self.connection, check_statement(self.connection, statement))

        try:
            with limited_memory(self.limits.memory_bytes):
                run_watched(work, self.connection, self.limits.timeout_seconds)
        except (duckdb.OutOfMemoryException, MemoryError):
            raise _out_of_memory(self.limits) from None
        except duckdb.Error as error:
            for stream in self.streams.values():
                if stream.failure is not None:
                    raise stream.failure from None
            for failure in self.snapshot.failures:
                raise failure from None
            text = one_line(str(error))
            raise self.snapshot.damage(text) or StatementRefused(text) from None


def _out_of_memory(limits: QueryLimits) -> StatementStopped:
    mebibytes = limits.memory_bytes / 2**20
    return StatementStopped(f"stopped: it needs more than {mebibytes:,.0f} MiB of memory; raise --memory")


@contextmanager
def opened_session(
    root: DataRoot,
    specs: Path,
    limits: QueryLimits,
    catalogue: Catalogue | None = None,
    *,
    anonymous: Doctypes = (),
) -> Iterator[QuerySession]:
    """
    Open a session over what is committed now.

    Args:
        specs: The folder of the revision cache.
        anonymous: Doctypes of anonymous stores.

    Raises:
        NoDataRoot: *root* is not a data root.
        StatementStopped: There is too little memory for a session.
        TablesNotInstalled: DuckDB or PyArrow is missing.
        SnapshotFailed: A file that the ledger lists is missing or, as the block finds, damaged.
    """
    catalogue = catalogue or catalogue_of(root)
    require_tables()
    import duckdb

    streams = streams_of(root, lambda: cache_in(specs), catalogue, anonymous)
    with Snapshot(catalogue.files) as snapshot:
        try:
            connection = open_session(snapshot, streams, SessionLimits(limits.memory_bytes), anonymous)
        except (duckdb.OutOfMemoryException, MemoryError):
            # The system may refuse memory to a process of the reports before it has run anything.
            raise _out_of_memory(limits) from None
        try:
            yield QuerySession(connection, streams, limits, snapshot)
        except StatementHung:
            raise  # what still runs would keep `close` waiting
        except duckdb.Error as error:
            connection.close()
            raise snapshot.damage(one_line(str(error))) or error from None
        except BaseException:
            connection.close()
            raise
        connection.close()


def cache_in(specs: Path) -> "RevisionCache":
    """Return the revision cache in the folder *specs*."""
    from histogram_specs.cache.revision_cache import RevisionCache

    return RevisionCache(specs)
