"""Checks of those who may see the reports."""

from collections.abc import Iterator

from storage.data_root import DataRoot
from telemetry_server.access.access_file import AccessFile, BadAccessFile
from telemetry_server.composition.data_root import inaccessible_part
from telemetry_server.composition.reports import check_reports_access
from telemetry_server.diagnostics.finding import Finding
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings

CHECK = "reports"


def reports_access(settings: Settings, root: DataRoot) -> Iterator[Finding]:
    """Check that the reports can start: the file of users, and who else may connect."""
    if settings.reports_port is None:
        yield Finding(CHECK, True, "reports_port is off")
        return
    if inaccessible_part(root) is not None:
        return
    try:
        access = AccessFile(root).read()
        check_reports_access(settings)
    except BadAccessFile as error:
        yield Finding(
            CHECK,
            False,
            f"{error}; until then the reports do not start",
            f"restore {root.access} from a backup, or remove it and use telemetry-server users add",
        )
    except ConfigurationError as error:
        fix = "add a user with telemetry-server users add NAME --role admin, or set reports_host to 127.0.0.1"
        yield Finding(CHECK, False, str(error), fix)
    else:
        who = f"{len(access.users)} users, {len(access.tokens)} tokens"
        yield Finding(CHECK, True, who if access.users else "no users: open to everyone on this machine")
