"""Errors of files that are missing or damaged, and the commands that name such files."""

from storage.errors import LostFile
from storage.partitions.frames import DamagedFrame

CHECK_OF_TABLES = "telemetry-server tables check"
CHECK_OF_RECORDS = "telemetry-server audit"  # of quarantine, too


def check_of(error: Exception) -> str:
    """Return the command that names the file of *error*; "" where *error* is not of such a file."""
    from telemetry_server.analysis.committed_files import SnapshotFailed

    if isinstance(error, SnapshotFailed) or _is_of_parquet(error):
        return CHECK_OF_TABLES
    return CHECK_OF_RECORDS if isinstance(error, LostFile | EOFError | DamagedFrame) else ""


def _is_of_parquet(error: Exception) -> bool:
    if type(error) is OSError:  # PyArrow raises it without a number for what it cannot decode
        return error.errno is None
    return isinstance(error, ValueError) and type(error).__module__.startswith("pyarrow")
