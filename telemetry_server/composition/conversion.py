"""The converter as settings want it, for the commands that run one."""

import asyncio
import gc
import itertools
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import structlog

from histogram_specs.cache.fetcher import SpecFetcher
from histogram_specs.errors import BadConstants
from histogram_specs.expressions import CONSTANTS, Constants, read_constants
from histogram_specs.revision import Revision
from histogram_specs.sources.source import source_of
from storage.data_root import DataRoot
from storage.errors import BadPartitionSchema, StorageError
from storage.partitions.schema import REASONS, PartitionSchema, parse_schema
from storage.progress.conversion_state import ConversionState
from telemetry_server.composition.stores import stores_of
from telemetry_server.convert.rules.rules import Rules
from telemetry_server.convert.rules.rules_file import BadRules, read_rules
from telemetry_server.coordinator.conversion_setup import ConversionSetup
from telemetry_server.coordinator.converter import Converter
from telemetry_server.coordinator.follower import (
    RETRY_UNREACHABLE_SECONDS,
    Follower,
    halt_reason,
    pause_seconds,
    stop_requested,
)
from telemetry_server.coordinator.process_pool import ConversionPool
from telemetry_server.coordinator.retention import RetentionTasks
from telemetry_server.coordinator.run_summary import Labels, RunSummary
from telemetry_server.doctypes.catalogue import Catalogue
from telemetry_server.pings.geo import GeoDatabase, GeoDatabaseError
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings
from telemetry_server.settings.value_types import SchemaFormats
from telemetry_server.terminal.output import say

log = structlog.get_logger("convert")

GARBAGE_LOOKED_FOR_AFTER = 50_000  # objects
# Clients wait for the edge and nobody for the converter: beside both on two full cores, half of the
# answers took 1.4 ms without this and 0.8 ms with it (bench/RESULTS.md).
NICE_BEHIND_THE_EDGE = 10

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
        catalogue = catalogue_of(settings)
        return PartitionSchema.default(catalogue.doctypes(), catalogue.namespaces())
    try:
        return parse_schema(settings.partition_schema.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"partition_schema {settings.partition_schema}: {error.strerror}") from error
    except BadPartitionSchema as error:
        raise ConfigurationError(f"partition_schema {settings.partition_schema}: {error}") from error


def catalogue_of(settings: Settings) -> Catalogue:
    """
    The doctypes that are registered.

    Raises:
        ConfigurationError: Their folder cannot be read.
    """
    try:
        return Catalogue(settings.schemas_dir, check_formats=_checks_formats(settings))
    except OSError as error:
        raise ConfigurationError(f"schemas_dir {settings.schemas_dir}: {error.strerror}") from None


def _checks_formats(settings: Settings) -> bool:
    return settings.schema_formats is SchemaFormats.CHECKED


def rules_of(settings: Settings) -> Rules | None:
    """
    The operator's rules, if there are any.

    Raises:
        ConfigurationError: Their file makes no sense.
    """
    if settings.rules_file is None:
        return None
    try:
        return read_rules(settings.rules_file)
    except BadRules as error:
        raise ConfigurationError(f"rules_file {error}") from None


def geo_database_of(settings: Settings) -> Path | None:
    """
    Where the database of addresses is, if there is one; it was opened once, to see that it can be.

    Raises:
        ConfigurationError: It cannot.
    """
    if settings.geo_database is None:
        return None
    try:
        GeoDatabase(settings.geo_database)
    except GeoDatabaseError as error:
        raise ConfigurationError(f"geo_database {error}") from None
    return settings.geo_database.resolve()


def constants_of(settings: Settings) -> Constants:
    """
    The numbers behind the names in spec files.

    Raises:
        ConfigurationError: Their file makes no sense.
    """
    if settings.constants_file is None:
        return CONSTANTS
    try:
        return read_constants(settings.constants_file)
    except BadConstants as error:
        raise ConfigurationError(f"constants_file {error}") from None


def setup_of(settings: Settings) -> ConversionSetup:
    """
    How to convert, as plain values.

    Raises:
        ConfigurationError: A file that the settings name is no good.
    """
    return ConversionSetup(
        root=DataRoot(settings.data_dir.resolve()),
        specs=settings.revision_cache_dir.resolve(),
        schema=schema_of(settings),
        revision_offline=settings.revision_offline,
        pending_days=settings.pending_days,
        unresolved_revision=settings.unresolved_revision.value,
        repository_aliases=settings.repository_aliases,
        require_registration=settings.require_registration,
        schemas_dir=settings.schemas_dir and settings.schemas_dir.resolve(),
        check_formats=_checks_formats(settings),
        rules=rules_of(settings),
        stores=stores_of(settings),
        geo_database=geo_database_of(settings),
        constants=tuple(constants_of(settings).items()),
        tables=settings.tables and find_spec("pyarrow") is not None,
    )


TABLES_OFF = (
    "tables are off, PyArrow is not installed: pip install 'telemetry-server[tables]',"
    " then telemetry-server tables rebuild"
)


def _say_unreachable(revision: Revision, error: str, path: Path) -> None:
    say(f"{revision} is out of reach, its pings wait: {error}; try again later, or put its file at {path}")


def _log_unreachable(revision: Revision, error: str, path: Path) -> None:
    log.warning(
        "definitions out of reach, their pings wait",
        revision=str(revision),
        error=error,
        retry_after_seconds=RETRY_UNREACHABLE_SECONDS,
        or_put_it_at=str(path),
    )


@asynccontextmanager
async def opened_converter(
    settings: Settings,
    *,
    on_progress: Callable[[RunSummary], None] | None = None,
    on_unreachable: Callable[[Revision, str, Path], None] = _say_unreachable,
    on_wait: Callable[[], None] = lambda: None,
    on_tables_off: Callable[[str], None] = say,
) -> AsyncIterator[Converter]:
    """
    A converter with its processes and its fetcher, closed when the block ends.

    *on_unreachable* is told of a revision that cannot be fetched, why, and where its file would be;
    default: a line on stderr.  *on_wait* is called whenever another process has the converter's lock.
    """
    # What is imported stays, and a round's thousands of values hold no cycle: a fifth of the
    # coordinator's time went into looking for one.
    gc.freeze()
    gc.set_threshold(GARBAGE_LOOKED_FOR_AFTER)
    setup = setup_of(settings)
    if settings.tables and not setup.tables:
        on_tables_off(TABLES_OFF)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(ConversionPool(setup, settings.convert_processes))
        cache = setup.revision_cache()
        fetcher = None
        if not settings.revision_offline:
            fetcher = await stack.enter_async_context(SpecFetcher(cache, source_of(settings.revision_server)))
        catalogue = catalogue_of(settings)
        labels = Labels(
            namespaces={"telemetry", *catalogue.namespaces()},
            doctypes=KNOWN_DOCTYPES.union(catalogue.doctypes()),
        )
        yield await stack.enter_async_context(
            Converter(
                setup,
                pool,
                fetcher,
                labels=labels,
                on_progress=on_progress,
                on_wait=on_wait,
                on_unreachable=lambda revision, error: on_unreachable(
                    revision, error, cache.path_of(revision)
                ),
            )
        )


def run_follower(settings: Settings, *, wake_fd: int | None, lifeline_fd: int | None) -> int:
    """The body of the converter's process behind `serve`; returns its exit status."""
    os.nice(NICE_BEHIND_THE_EDGE)
    state = ConversionState(DataRoot(settings.data_dir.resolve()))

    async def follow() -> None:
        async with opened_converter(
            settings, on_unreachable=_log_unreachable, on_tables_off=log.warning
        ) as converter:
            retention = RetentionTasks(
                converter,
                raw_retention_days=settings.raw_retention_days,
                dedup_days=settings.dedup_days,
                quarantine_retention_days=settings.quarantine_retention_days,
            )

            def reload() -> None:
                try:
                    converter.use(setup_of(settings))
                    log.info("schema, doctypes and rules read again")
                except ConfigurationError as error:
                    log.error("what is in force stays", error=str(error))

            await Follower(
                converter,
                wake_fd=wake_fd,
                lifeline_fd=lifeline_fd,
                reload=reload,
                run_retention=retention.run,
                state=state,
            ).run()

    async def follow_as_soon_as_possible() -> None:
        for failures in itertools.count():
            pause = pause_seconds(failures)
            try:
                await follow()
                break
            except (OSError, StorageError, ConfigurationError) as error:
                # A full disk, mostly.  Submissions are answered for meanwhile, and wait in raw/.
                state.halt(halt_reason(error))
                log.error("conversion cannot begin", error=str(error), retry_after_seconds=pause)
            if await stop_requested(lifeline_fd, within_seconds=pause):
                break

    asyncio.run(follow_as_soon_as_possible())
    return 0
