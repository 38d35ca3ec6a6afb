"""Builds what reads the aggregates, and what keeps them up to date, from the settings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec

from storage.data_root import DataRoot
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


@asynccontextmanager
async def kept_aggregates(settings: Settings) -> AsyncIterator[None]:
    """Keep the aggregates up to date within the block, if there are tables."""
    from telemetry_server.aggregates.follower import AggregateFollower

    if not settings.tables or find_spec("pyarrow") is None:
        yield
        return
    follower = AggregateFollower(DataRoot(settings.data_dir.resolve()), settings.aggregate_seconds)
    task = asyncio.create_task(follower.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
