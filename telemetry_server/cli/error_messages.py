"""Messages and exit statuses for exceptions that no command handles."""

import errno

from storage import errors as storage_errors
from storage.errors import NO_ROOM
from telemetry_server.access.access_file import BadAccessFile
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.fuel.database import errors as fuel_errors
from telemetry_server.privacy.identifiers.keyed_hash import BadKey
from telemetry_server.queue import errors as queue_errors
from telemetry_server.settings.errors import ConfigurationError

# The path is at fault: too long, through a file, a circle of links, a folder, or on a read-only disk.
BAD_PATH = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP, errno.EROFS, errno.EISDIR)


def message_for(error: Exception) -> tuple[str, ExitStatus]:
    """Return the message to print for *error*, and the exit status."""
    if isinstance(error, ConfigurationError):
        return f"configuration: {error}", ExitStatus.CONFIGURATION
    if isinstance(error, storage_errors.StorageFull):
        return _full_disk_message(error)
    system_error = _circle_of_links(error) or error
    if isinstance(system_error, OSError) and (found := _system_message(system_error)):
        return found
    if isinstance(error, storage_errors.NoDataRoot | storage_errors.UnusablePlace | BadAccessFile | BadKey):
        return str(error), ExitStatus.CONFIGURATION
    if isinstance(error, storage_errors.BadBackup):
        return str(error), ExitStatus.BAD_INPUT
    if isinstance(error, queue_errors.QueueError):
        return _queue_message(error)
    if isinstance(error, fuel_errors.FuelDatabaseError):
        return _fuel_message(error)
    if isinstance(error, storage_errors.UnfitLedger | storage_errors.StrayFile):
        return str(error), ExitStatus.CONFIGURATION
    if isinstance(error, storage_errors.BrokenAggregate):
        return f"{error}; run telemetry-server aggregate", ExitStatus.OUR_FAULT
    if isinstance(error, storage_errors.LostFile):
        return str(error), ExitStatus.OUR_FAULT
    if isinstance(error, storage_errors.ArchiveError):
        return str(error), _archive_status(error)
    if isinstance(error, storage_errors.LedgerError):
        return f"{error}; run telemetry-server doctor for details", ExitStatus.OUR_FAULT
    kind = type(error).__name__
    text = " ".join(f"{kind}: {error}".split())
    return (
        f"{text} (a bug in telemetry-server; TELEMETRY_TRACEBACK=1 shows the traceback)",
        ExitStatus.OUR_FAULT,
    )


def _circle_of_links(error: Exception) -> OSError | None:
    """Return what the system said; before Python 3.13 `Path.resolve` raises RuntimeError in place of it."""
    cause = error.__context__
    if isinstance(error, RuntimeError) and isinstance(cause, OSError) and cause.errno == errno.ELOOP:
        return cause
    return None


def _full_disk_message(error: Exception) -> tuple[str, ExitStatus]:
    return f"the disk is full ({error}): free some space and run it again", ExitStatus.TRY_AGAIN


def _system_message(error: OSError) -> tuple[str, ExitStatus] | None:
    """Return what to print where the disk, the permissions or the path are at fault; None otherwise."""
    if error.errno in NO_ROOM:
        return _full_disk_message(error)
    if isinstance(error, PermissionError):
        return f"not permitted: {error}", ExitStatus.CONFIGURATION
    if error.errno in BAD_PATH and error.filename is not None:
        return f"{error.filename}: {error.strerror}; name another place", ExitStatus.CONFIGURATION
    return None


def _archive_status(error: storage_errors.ArchiveError) -> ExitStatus:
    if isinstance(error, storage_errors.ArchiveAway | storage_errors.ArchiveFull):
        return ExitStatus.TRY_AGAIN
    if isinstance(error, storage_errors.ArchiveRefused | storage_errors.ArchiveTaken):
        return ExitStatus.CONFIGURATION
    return ExitStatus.BAD_INPUT


def _fuel_message(error: fuel_errors.FuelDatabaseError) -> tuple[str, ExitStatus]:
    if isinstance(error, fuel_errors.DatabaseAway):
        return f"the Fuel database is away: {error}", ExitStatus.TRY_AGAIN
    is_input = isinstance(error, fuel_errors.BackupFailed)
    return str(error), ExitStatus.BAD_INPUT if is_input else ExitStatus.CONFIGURATION


def _queue_message(error: queue_errors.QueueError) -> tuple[str, ExitStatus]:
    if isinstance(error, queue_errors.BrokerAway):
        return f"the broker is away: {error}", ExitStatus.TRY_AGAIN
    if isinstance(error, queue_errors.AlreadyPulling):
        return f"{error}; stop it, or use another data root", ExitStatus.TRY_AGAIN
    if isinstance(error, queue_errors.PositionLost):
        return f"{error}; see docs/scale.md, then use --accept-gap", ExitStatus.BAD_INPUT
    return str(error), ExitStatus.CONFIGURATION
