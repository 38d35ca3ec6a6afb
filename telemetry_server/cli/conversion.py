"""The converter as settings want it, for the commands that run one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from histogram_specs.cache import SpecCache
from histogram_specs.fetch import SpecFetcher
from histogram_specs.sources import source_of
from storage.partitions.schema import REASONS, PartitionSchema, parse_schema
from storage.root import DataRoot
from telemetry_server.convert.converter import Converter
from telemetry_server.convert.follower import Follower
from telemetry_server.convert.pool import ConversionPool
from telemetry_server.convert.setup import ConversionSetup
from telemetry_server.convert.tally import Labels, Tally
from telemetry_server.convert.upkeep import Upkeep
from telemetry_server.settings import ConfigurationError, Settings

# Of Firefox's own, by age; a metric's label is one of these or of a registered doctype.
KNOWN_DOCTYPES = frozenset(REASONS) | {
    "event",
    "crash",
    "new-profile",
    "first-shutdown",
    "update",
    "modules",
    "health",
    "deletion-request",
    "custom",
    "core",
}


def schema_of(settings: Settings) -> PartitionSchema:
    """
    The partition schema in force.

    Raises:
        ConfigurationError: Its file cannot be read, or is no schema.
    """
    if settings.partition_schema is None:
        return PartitionSchema.default()
    try:
        return parse_schema(settings.partition_schema.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"partition_schema {settings.partition_schema}: {error}") from error


def setup_of(settings: Settings) -> ConversionSetup:
    """How to convert, as plain values."""
    return ConversionSetup(
        root=DataRoot(settings.data_dir.resolve()),
        specs=settings.revision_cache_dir.resolve(),
        schema=schema_of(settings),
        revision_offline=settings.revision_offline,
        unresolved_revision=settings.unresolved_revision.value,
        require_registration=settings.require_registration,
    )


@asynccontextmanager
async def opened_converter(
    settings: Settings, *, on_progress: Callable[[Tally], None] | None = None
) -> AsyncIterator[Converter]:
    """A converter with its processes and its fetcher, closed when the block ends."""
    setup = setup_of(settings)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(ConversionPool(setup, settings.convert_processes))
        fetcher = None
        if not settings.revision_offline:
            fetcher = await stack.enter_async_context(
                SpecFetcher(SpecCache(setup.specs), source_of(settings.revision_server))
            )
        labels = Labels(namespaces={"telemetry"}, doctypes=KNOWN_DOCTYPES)
        yield await stack.enter_async_context(
            Converter(setup, pool, fetcher, labels=labels, on_progress=on_progress)
        )


def run_follower(settings: Settings, *, wake_fd: int | None, lifeline_fd: int | None) -> int:
    """The body of the converter's process behind `serve`; returns its exit status."""

    async def follow() -> None:
        async with opened_converter(settings) as converter:
            upkeep = Upkeep(
                converter,
                raw_retention_days=settings.raw_retention_days,
                dedup_days=settings.dedup_days,
            )
            await Follower(converter, wake_fd=wake_fd, lifeline_fd=lifeline_fd, upkeep=upkeep.run).run()

    asyncio.run(follow())
    return 0
