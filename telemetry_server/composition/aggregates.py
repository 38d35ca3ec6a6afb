"""Builds what reads the aggregates from the settings."""

from telemetry_server.aggregates.definitions import CachedDefinitions
from telemetry_server.aggregates.reader import Reader
from telemetry_server.composition.data_root import existing_data_root, revision_cache_path
from telemetry_server.settings.settings import Settings


def aggregates_reader(settings: Settings) -> Reader:
    """
    Return the reader of the data root's aggregates.

    Raises:
        NoDataRoot: There is none.
    """
    root = existing_data_root(settings)
    return Reader(root, CachedDefinitions(revision_cache_path(settings)), settings.suppress_below)
