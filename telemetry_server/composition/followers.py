"""Runs the other tasks of the converter process of `serve`: sums, the archive, deletion orders."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from telemetry_server.composition.aggregate_follower import kept_aggregates
from telemetry_server.composition.archive import kept_archive
from telemetry_server.composition.deletion import followed_orders
from telemetry_server.composition.probe_days import kept_probe_days
from telemetry_server.settings.settings import Settings


@asynccontextmanager
async def followers(settings: Settings) -> AsyncIterator[None]:
    """Keep them going within the block."""
    async with (
        kept_aggregates(settings),
        kept_probe_days(settings),
        kept_archive(settings),
        followed_orders(settings),
    ):
        yield
