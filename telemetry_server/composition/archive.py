"""Builds what archives closed days from the settings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from storage.archive.object_store import folder_of
from storage.data_root import DataRoot
from telemetry_server.observability import metrics
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings

if TYPE_CHECKING:
    from telemetry_server.archive.run import ArchivePlan


def archive_plan_of(settings: Settings) -> "ArchivePlan":
    """
    Return where closed days go.

    Raises:
        ConfigurationError: They go nowhere, into a file or into the data root, or a package is missing.
    """
    from telemetry_server.archive.run import ArchivePlan

    if not settings.archive_to:
        raise ConfigurationError(
            "archive_to is not set: name a folder, or a bucket such as s3://bucket/telemetry"
        )
    folder = folder_of(settings.archive_to)
    if folder is None:
        if find_spec("obstore") is None:
            raise ConfigurationError(
                f"archive_to {settings.archive_to} needs obstore: pip install 'telemetry-server[archive]'"
            )
    elif folder.resolve().is_relative_to(settings.data_dir.resolve()):
        raise ConfigurationError(f"archive_to {folder} is inside the data root; name a folder elsewhere")
    elif _is_file(folder):
        raise ConfigurationError(f"archive_to {folder} is a file; name a folder")
    has_tables = settings.tables and find_spec("pyarrow") is not None
    return ArchivePlan(settings.archive_to, settings.archive_keep_local, has_tables)


def _is_file(folder: Path) -> bool:
    try:
        return folder.exists() and not folder.is_dir()
    except OSError:  # its disk is away; that stops the archive only
        return False


def check_archive(settings: Settings) -> None:
    """Raise `ConfigurationError` if the settings name an archive that cannot be one."""
    if settings.archive_to:
        archive_plan_of(settings)


@asynccontextmanager
async def kept_archive(settings: Settings) -> AsyncIterator[None]:
    """Archive closed days within the block, if the settings say where."""
    if not settings.archive_to:
        yield
        return
    from telemetry_server.archive.follower import ArchiveFollower

    follower = ArchiveFollower(
        DataRoot(settings.data_dir.resolve()),
        archive_plan_of(settings),
        on_waiting=metrics.archive_waiting_days.report,
        on_run=lambda is_done: metrics.archive_runs.count("done" if is_done else "failed"),
    )
    task = asyncio.create_task(follower.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
