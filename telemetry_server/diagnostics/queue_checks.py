"""Checks of the queues that the settings name."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from storage.data_root import DataRoot
from telemetry_server.composition.queue import check_queues
from telemetry_server.diagnostics.finding import Finding
from telemetry_server.queue.status_file import PULL, PUSH, QueueStatus, StatusFile
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings

SILENT_AFTER = timedelta(seconds=60)


def queues(settings: Settings, root: DataRoot) -> Iterator[Finding]:
    """Check that brokers answer, as the running processes saw it last; nothing without such settings."""
    try:
        check_queues(settings)
    except ConfigurationError as error:
        yield Finding("broker", False, str(error), "correct the setting")
        return
    for name in (PULL, PUSH):
        for status in StatusFile(root.state, name).read():
            yield _finding("pulled from" if name == PULL else "handed on to", status)


def _finding(verb: str, status: QueueStatus) -> Finding:
    age = datetime.now(UTC) - datetime.fromisoformat(status.updated)
    waiting = f"{status.lag:,} wait"
    if status.state == "ended":
        return Finding(
            "broker", True, f"{status.messages:,} submissions {verb} {status.url}, then it stopped"
        )
    if age > SILENT_AFTER:
        detail = f"{verb} {status.url} until {status.updated}: the process does not run"
        return Finding("broker", False, detail, "start the server, or telemetry-server pull")
    if status.is_well:
        return Finding("broker", True, f"{status.messages:,} submissions {verb} {status.url}; {waiting}")
    detail = f"{status.state} since {status.since}: {status.detail}"
    fix = (
        "see docs/scale.md" if status.state == "stopped" else "start the broker; it is tried again by itself"
    )
    return Finding("broker", False, detail, fix)
