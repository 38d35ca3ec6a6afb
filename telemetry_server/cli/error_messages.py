"""One line for the user for every failure that a command lets through."""

from storage import errors as storage_errors
from storage.errors import NO_ROOM
from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.settings.errors import ConfigurationError


def message_for(error: Exception) -> tuple[str, ExitStatus]:
    """What to print about *error*, and the exit status that goes with it."""
    if isinstance(error, ConfigurationError):
        return f"configuration: {error}", ExitStatus.CONFIGURATION
    if isinstance(error, storage_errors.StorageFull) or (
        isinstance(error, OSError) and error.errno in NO_ROOM
    ):
        return f"no room on the disk ({error}): make room and run it again", ExitStatus.TRY_AGAIN
    if isinstance(error, storage_errors.NoDataRoot):
        return str(error), ExitStatus.CONFIGURATION
    if isinstance(error, storage_errors.BadBackup):
        return str(error), ExitStatus.BAD_INPUT
    if isinstance(error, PermissionError):
        return f"not permitted: {error}", ExitStatus.CONFIGURATION
    if isinstance(error, storage_errors.UnfitLedger | storage_errors.StrayFile):
        return str(error), ExitStatus.CONFIGURATION
    if isinstance(error, storage_errors.LostFile):
        return str(error), ExitStatus.OUR_FAULT
    if isinstance(error, storage_errors.LedgerError):
        return f"{error}; telemetry-server doctor may say more", ExitStatus.OUR_FAULT
    kind = type(error).__name__
    text = " ".join(f"{kind}: {error}".split())
    return f"{text} (our fault; TELEMETRY_TRACEBACK=1 shows where)", ExitStatus.OUR_FAULT
