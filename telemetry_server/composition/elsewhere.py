"""Checks the settings of what is elsewhere: queues, and the archive."""

from telemetry_server.composition.archive import check_archive
from telemetry_server.settings.settings import Settings


def check_elsewhere(settings: Settings) -> None:
    """Raise `ConfigurationError` if the settings name a queue or an archive that cannot be one."""
    if settings.pull_from or settings.push_to:
        from telemetry_server.composition.queue import check_queues

        check_queues(settings)
    check_archive(settings)
