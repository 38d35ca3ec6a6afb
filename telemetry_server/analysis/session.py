"""A DuckDB session that reads the committed tables and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from telemetry_server.analysis.code_pages import release_code_pages
from telemetry_server.analysis.committed_files import Snapshot
from telemetry_server.analysis.views import FILES_OF, definitions
from telemetry_server.probes.anonymity import Doctypes

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """What a session may use."""

    memory_bytes: int | None = None  # None: 80 % of the machine's
    threads: int | None = None  # None: one for each core


# Set before anything is registered, because the last one forbids all later settings.
_SAFE_SETTINGS = (
    "SET TimeZone = 'UTC'",
    # A statement that does not fit in memory ends: it must not fill the disk that pings need.
    "SET temp_directory = ''",
    # Results keep the order of rows only where a statement asks for it: this saves memory.
    "SET preserve_insertion_order = false",
    # Otherwise names of Python variables are tables.
    "SET python_enable_replacements = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
)
_LOCK = ("SET enable_external_access = false", "SET lock_configuration = true")


def open_session(
    snapshot: Snapshot, streams: Mapping[str, Any], limits: SessionLimits, anonymous: Doctypes = ()
) -> "duckdb.DuckDBPyConnection":
    """
    Open a session over *snapshot*, which must stay open as long as the session is used.

    Args:
        streams: More tables by name: objects with ``__arrow_c_stream__``, read anew by every scan.
        anonymous: Doctypes of anonymous stores.

    Files reach the session as Arrow datasets, and its own access to files and the network is off: DuckDB's
    lists of allowed paths would allow writing to them too.
    """
    import duckdb

    connection = duckdb.connect(":memory:")
    for statement in _SAFE_SETTINGS:
        connection.execute(statement)
    if limits.memory_bytes is not None:
        connection.execute(f"SET memory_limit = '{limits.memory_bytes}B'")
    if limits.threads is not None:
        connection.execute(f"SET threads = {limits.threads}")
    for table, name in FILES_OF.items():
        connection.register(name, snapshot.dataset(table))
    for name, stream in streams.items():
        connection.register(name, stream)
    for statement in definitions(anonymous):
        connection.execute(statement)
    for statement in _LOCK:
        connection.execute(statement)
    release_code_pages()
    return connection
