"""Builds the task that keeps the sums of probes up to date, from the settings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from telemetry_server.composition.conversion import setup_of
from telemetry_server.inspection.probe_days import Work
from telemetry_server.inspection.probe_days_follower import ProbeDaysFollower
from telemetry_server.settings.settings import Settings


@asynccontextmanager
async def kept_probe_days(settings: Settings) -> AsyncIterator[None]:
    """Keep the sums up to date within the block, if there are reports that read them."""
    if settings.reports_port is None:
        yield
        return
    follower = ProbeDaysFollower(Work(setup_of(settings), settings.suppress_below))
    task = asyncio.create_task(follower.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
