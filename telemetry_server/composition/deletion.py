"""Builds what carries out deletion orders from the settings."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.util import find_spec

from storage.data_root import DataRoot
from storage.disk import Disk
from telemetry_server.composition.fuel import collector_url
from telemetry_server.composition.fuel_analytics import analytics_url
from telemetry_server.privacy.forget import Forgetter
from telemetry_server.privacy.forget_report import NO_FUEL, FuelUrls
from telemetry_server.privacy.orders_follower import OrderFollower
from telemetry_server.settings.settings import Settings

SEGMENT_WAIT_SECONDS = 60.0


def fuel_urls(settings: Settings) -> FuelUrls:
    """
    Return the databases that installations are deleted from.

    Raises:
        ConfigurationError: A setting is not a URL of a database.
    """
    if find_spec("sqlalchemy") is None:
        return NO_FUEL
    return FuelUrls(collector_url(settings), analytics_url(settings))


def forgetter_of(settings: Settings, on_step: Callable[[str], None]) -> Forgetter:
    """Return what deletes from the data root of *settings*."""
    return Forgetter(
        DataRoot(settings.data_dir.resolve()),
        Disk(),
        fuel=fuel_urls(settings),
        opens_bodies=_opens_bodies(settings),
        wait_seconds=SEGMENT_WAIT_SECONDS,
        on_step=on_step,
    )


def _opens_bodies(settings: Settings) -> bool:
    """Whether conversion may take client ids out of lines, so that only the bodies in raw/ name them."""
    return settings.stores_file is not None or settings.rules_file is not None


@asynccontextmanager
async def followed_orders(settings: Settings) -> AsyncIterator[None]:
    """Carry out deletion orders within the block, when their delay is over."""
    root = DataRoot(settings.data_dir.resolve())
    follower = OrderFollower(
        root, settings.deletion_delay_days, fuel_urls(settings), opens_bodies=_opens_bodies(settings)
    )
    task = asyncio.create_task(follower.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
