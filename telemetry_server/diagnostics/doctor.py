"""Runs the checks of ``doctor`` in order.  Each yields findings, with a fix if something is wrong."""

from collections.abc import Iterator

from storage.data_root import DataRoot
from telemetry_server.diagnostics.data_root_checks import access, data_root_contents
from telemetry_server.diagnostics.definition_checks import definitions
from telemetry_server.diagnostics.finding import Finding, ForeignFile, foreign_file
from telemetry_server.diagnostics.fuel_checks import fuel_collector
from telemetry_server.diagnostics.machine_checks import clock, descriptors, disk_space
from telemetry_server.diagnostics.queue_checks import queues
from telemetry_server.diagnostics.reports_checks import reports_access
from telemetry_server.diagnostics.setting_checks import files_of_settings
from telemetry_server.settings.settings import Settings


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield the findings of all checks; causes come before their effects."""
    root = DataRoot(settings.data_dir.resolve())
    is_reported = False  # that this user has no access: one line is enough
    for check in (
        files_of_settings(settings),
        access(root),
        disk_space(settings, root),
        clock(root),
        descriptors(settings),
        definitions(settings),
        data_root_contents(root),
        queues(settings, root),
        reports_access(settings, root),
        fuel_collector(settings),
    ):
        try:
            for finding in check:
                is_reported |= isinstance(finding, ForeignFile)
                yield finding
        except PermissionError as error:
            if not is_reported:
                is_reported = True
                yield foreign_file(root, f"{error.filename} is not readable for this user")
