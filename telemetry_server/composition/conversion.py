"""Builds the converter from the settings."""

import asyncio
import gc
import itertools
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from importlib.util import find_spec
from pathlib import Path

from histogram_specs.cache.fetcher import SpecFetcher
from histogram_specs.errors import BadConstants
from histogram_specs.expressions import CONSTANTS, Constants, read_constants
from histogram_specs.revision import Revision
from histogram_specs.sources.source import source_of
from storage.data_root import DataRoot
from storage.errors import StorageError
from storage.partitions.schema import REASONS
from storage.progress.conversion_state import ConversionState
from telemetry_server.composition.schemas import catalogue_of, checks_formats, schema_of
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
from telemetry_server.coordinator.process_starter import ProcessStarter
from telemetry_server.coordinator.run_summary import Labels, RunSummary
from telemetry_server.observability.loggers import get_logger
from telemetry_server.pings.geo import GeoDatabase, GeoDatabaseError
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings
from telemetry_server.terminal.output import say

log = get_logger("convert")

GARBAGE_COLLECTED_AFTER = 50_000  # objects
# Clients wait for the edge, but not for the converter.  With both busy on two cores, the median answer
# took 1.4 ms without this and 0.8 ms with it (bench/RESULTS.md).
NICE_BEHIND_THE_EDGE = 10

# Firefox's own doctypes.  Labels of metrics are these and the registered doctypes.
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


def rules_of(settings: Settings) -> Rules | None:
    """
    Return the operator's rules; None without a rules file.

    Raises:
        ConfigurationError: The file is not valid.
    """
    if settings.rules_file is None:
        return None
    try:
        return read_rules(settings.rules_file)
    except BadRules as error:
        raise ConfigurationError(f"rules_file {error}") from None


def geo_database_of(settings: Settings) -> Path | None:
    """
    Return the path of the geo database, after opening it once as a check; None without one.

    Raises:
        ConfigurationError: It cannot be opened.
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
    Return the numbers that names in spec files stand for.

    Raises:
        ConfigurationError: The file is not valid.
    """
    if settings.constants_file is None:
        return CONSTANTS
    try:
        return read_constants(settings.constants_file)
    except BadConstants as error:
        raise ConfigurationError(f"constants_file {error}") from None


def setup_of(settings: Settings) -> ConversionSetup:
    """
    Return the setup of a conversion: plain values.

    Raises:
        ConfigurationError: A file that the settings name is not valid.
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
        check_formats=checks_formats(settings),
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
    say(
        f"the definitions of {revision} cannot be fetched, pings that need them wait: {error};"
        f" run convert again later, or put Histograms.json at {path}"
    )


def _log_unreachable(revision: Revision, error: str, path: Path) -> None:
    log.warning(
        "definitions cannot be fetched, pings wait",
        revision=str(revision),
        error=error,
        retry_after_seconds=RETRY_UNREACHABLE_SECONDS,
        or_put_file_at=str(path),
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
    Yield a converter with its processes and its fetcher; the end of the block closes it.

    *on_unreachable* is called with a revision that cannot be fetched, the error, and the path of its file
    in the cache; by default it prints a line on stderr.  *on_wait* is called whenever another process
    has the converter's lock.
    """
    setup = setup_of(settings)
    if settings.tables and not setup.tables:
        on_tables_off(TABLES_OFF)
    async with AsyncExitStack() as stack:
        starter = stack.enter_context(closing(ProcessStarter()))  # first: nothing has started a thread yet
        # The values of a round contain no cycles: with the default threshold, garbage collection took a fifth
        # of the coordinator's time.  Conversion processes keep the default.
        gc.set_threshold(GARBAGE_COLLECTED_AFTER)
        pool = await stack.enter_async_context(ConversionPool(setup, settings.convert_processes, starter))
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
    """Run the converter process of `serve`; return its exit status."""
    # These modules import this one.
    from telemetry_server.composition.followers import followers
    from telemetry_server.composition.retention import retention_tasks

    gc.freeze()  # imported modules stay
    os.nice(NICE_BEHIND_THE_EDGE)
    state = ConversionState(DataRoot(settings.data_dir.resolve()))

    async def follow() -> None:
        async with (
            followers(settings),
            opened_converter(
                settings, on_unreachable=_log_unreachable, on_tables_off=log.warning
            ) as converter,
        ):
            retention = retention_tasks(settings, converter)

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
                # Usually a full disk.  Meanwhile submissions are still answered, and wait in raw/.
                state.halt(halt_reason(error))
                log.error("conversion cannot begin", error=str(error), retry_after_seconds=pause)
            if await stop_requested(lifeline_fd, within_seconds=pause):
                break

    asyncio.run(follow_as_soon_as_possible())
    return 0
