"""Builds what keeps the aggregates up to date from the settings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec

from storage.data_root import DataRoot
from telemetry_server.aggregates.follower import AggregateFollower
from telemetry_server.settings.settings import Settings


@asynccontextmanager
async def kept_aggregates(settings: Settings) -> AsyncIterator[None]:
    """Keep the aggregates up to date within the block, if there are tables."""
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
