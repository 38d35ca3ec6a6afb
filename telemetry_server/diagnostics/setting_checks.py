"""Checks of the settings and the files that they name."""

from collections.abc import Iterator

from telemetry_server.composition.setting_files import check_files
from telemetry_server.diagnostics.finding import Finding
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings


def files_of_settings(settings: Settings) -> Iterator[Finding]:
    """Check the settings and the files that they name."""
    try:
        check_files(settings)
    except ConfigurationError as error:
        yield Finding("settings", False, str(error), "correct it, then run telemetry-server config check")
    else:
        yield Finding("settings", True, "settings and referenced files are valid")
