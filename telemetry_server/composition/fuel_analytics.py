"""The analytics of Fuel-stat as settings want them: the ETL, and where reports read."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING

from storage.data_root import DataRoot
from telemetry_server.composition.fuel import MAKES_COLLECTOR, NEEDED, collector_url, need_file
from telemetry_server.fuel.database.errors import BadDatabaseUrl, DatabaseAway
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings

if TYPE_CHECKING:
    from telemetry_server.fuel.analytics.etl import Etl
    from telemetry_server.fuel.database.schema import Schema
    from telemetry_server.fuel.facts.clusters import NodeClasses
    from telemetry_server.reports.queries.setup import FuelDatabases


def analytics_url(settings: Settings) -> str:
    """
    Return the URL of the analytics database.

    Raises:
        ConfigurationError: The setting is not one.
    """
    from telemetry_server.fuel.database.engine import url_of

    text = settings.fuel_analytics_database_url
    if not text:
        return f"sqlite:///{DataRoot(settings.data_dir.resolve()).state / 'fuel-analytics.sqlite'}"
    try:
        url_of(text)
    except BadDatabaseUrl as error:
        raise ConfigurationError(f"fuel_analytics_database_url: {error}") from None
    return text


def schemas_of(settings: Settings) -> "list[tuple[Schema, str]]":
    """Return the databases of Fuel with their URLs, that of the collector first."""
    from telemetry_server.fuel.analytics.analytics_database import ANALYTICS
    from telemetry_server.fuel.database.migrating import COLLECTOR

    return [(COLLECTOR, collector_url(settings)), (ANALYTICS, analytics_url(settings))]


def need_analytics(settings: Settings) -> None:
    """Raise `DatabaseAway` where the analytics database does not exist yet."""
    need_file(analytics_url(settings), "run telemetry-server fuel etl")


def fuel_databases(settings: Settings) -> "FuelDatabases | None":
    """Return where reports read Fuel's data; None where there is nothing of Fuel."""
    from telemetry_server.reports.queries.setup import FuelDatabases

    has_file = DataRoot(settings.data_dir.resolve()).state.joinpath("fuel.sqlite").exists()
    if not (settings.fuel or settings.fuel_database_url or has_file):
        return None
    if any(find_spec(name) is None for name in NEEDED):
        return None
    collector = settings.fuel_read_database_url or collector_url(settings)
    return FuelDatabases(collector, analytics_url(settings))


@contextmanager
def opened_etl(
    settings: Settings,
    *,
    migrates: bool = True,
    on_progress: Callable[[str, int], None] = lambda _table, _moved: None,
) -> "Iterator[Etl]":
    """
    Yield the ETL between the databases of *settings*; with *migrates* that of the facts is migrated first.

    Raises:
        DatabaseAway: One of them cannot be used now, or the replica is too far behind.
    """
    from telemetry_server.fuel.analytics.analytics_database import ANALYTICS, AnalyticsDatabase
    from telemetry_server.fuel.analytics.etl import Etl
    from telemetry_server.fuel.analytics.sources import sources_with
    from telemetry_server.fuel.database.collector_database import CollectorDatabase
    from telemetry_server.fuel.database.migrating import migrate
    from telemetry_server.fuel.database.replica import MAX_LAG_SECONDS, lag_seconds

    source, target = settings.fuel_read_database_url or collector_url(settings), analytics_url(settings)
    need_file(source, MAKES_COLLECTOR)
    if migrates:
        migrate(target, schema=ANALYTICS)
    with ExitStack() as opened:
        collector = opened.enter_context(closing(CollectorDatabase(source, connections=1, only_reads=True)))
        analytics = opened.enter_context(closing(AnalyticsDatabase(target, connections=1)))
        lag = lag_seconds(collector)
        if lag > MAX_LAG_SECONDS:
            raise DatabaseAway(f"the replica is {lag:,.0f} s behind, more than {MAX_LAG_SECONDS:g} s")
        behind = timedelta(seconds=lag)
        yield Etl(
            collector,
            analytics,
            lambda: datetime.now(UTC) - behind,
            on_progress=on_progress,
            sources=sources_with(_node_classes(settings)),
        )


def _node_classes(settings: Settings) -> "NodeClasses":
    from telemetry_server.fuel.facts.clusters import STORAGE_ROLES, VIRTUAL_MAKERS, NodeClasses

    return NodeClasses(
        tuple(name.casefold() for name in settings.fuel_virtual_makers) or VIRTUAL_MAKERS,
        settings.fuel_storage_roles or STORAGE_ROLES,
    )


def run_etl(settings: Settings, lifeline_fd: int, announce: Callable[[], None]) -> int:
    """Run the ETL in this process every minute; return its exit status."""
    from telemetry_server.fuel.housekeeping.etl_follower import EtlFollower
    from telemetry_server.fuel.housekeeping.turns import TURN_SECONDS, take_turns

    os.nice(10)  # receiving goes first
    follower = EtlFollower(lambda migrates: opened_etl(settings, migrates=migrates))
    return take_turns(follower, TURN_SECONDS, lifeline_fd, announce)
