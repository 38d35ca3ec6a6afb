"""Builds what reads the aggregates from the settings."""

from typing import TYPE_CHECKING

from telemetry_server.aggregates.definitions import CachedDefinitions
from telemetry_server.aggregates.reader import Reader
from telemetry_server.composition.data_root import existing_data_root, revision_cache_path
from telemetry_server.settings.settings import Settings

if TYPE_CHECKING:
    from telemetry_server.aggregates.sealing import Sealer


def aggregates_reader(settings: Settings, through: str = "") -> Reader:
    """
    Return the reader of the data root's aggregates, of arrivals up to the day *through* if that is given.

    Raises:
        NoDataRoot: There is none.
    """
    root = existing_data_root(settings)
    return Reader(root, CachedDefinitions(revision_cache_path(settings)), settings.suppress_below, through)


def day_sealer(settings: Settings) -> "Sealer":
    """
    Return what seals the aggregates of days before their records are removed.

    Raises:
        NoDataRoot: The data root does not exist.
    """
    from storage.disk import Disk
    from telemetry_server.aggregates.sealing import Sealer

    return Sealer(existing_data_root(settings), Disk(), settings.seal_below)
