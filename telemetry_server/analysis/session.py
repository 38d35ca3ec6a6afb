"""A DuckDB session that reads the committed tables and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telemetry_server.analysis.committed_files import Snapshot
from telemetry_server.analysis.views import FILES_OF, definitions

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """What a session may use."""

    memory_bytes: int
    spill_directory: Path | None  # None: a query that needs more memory fails
    threads: int | None = None  # None: as many as there are cores


def open_session(
    snapshot: Snapshot, streams: Mapping[str, Any], limits: SessionLimits
) -> "duckdb.DuckDBPyConnection":
    """
    Open a session over *snapshot*, which must stay open as long as the session is used.

    Args:
        streams: More tables by name: objects with ``__arrow_c_stream__``, read anew by every scan.

    Files reach the session as Arrow datasets, and its own access to files and the network is off: DuckDB's
    lists of allowed paths would allow writing to them too.
    """
    import duckdb

    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET memory_limit = '{limits.memory_bytes}B'")
    # Results keep the order of rows only where a statement asks for it: this saves memory.
    connection.execute("SET preserve_insertion_order = false")
    if limits.threads is not None:
        connection.execute(f"SET threads = {limits.threads}")
    directory = "" if limits.spill_directory is None else str(limits.spill_directory).replace("'", "''")
    connection.execute(f"SET temp_directory = '{directory}'")
    for table, name in FILES_OF.items():
        connection.register(name, snapshot.dataset(table))
    for name, stream in streams.items():
        connection.register(name, stream)
    for statement in definitions():
        connection.execute(statement)
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection
