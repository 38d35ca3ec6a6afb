"""The Fuel collector as settings want it."""

from collections.abc import Callable
from contextlib import closing
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from storage.data_root import DataRoot
from telemetry_server.composition.fuel_failures import check_failure_settings, contact_keys
from telemetry_server.fuel.database.errors import BadDatabaseUrl, DatabaseAway
from telemetry_server.fuel.documents.builds import BadBuildRules, BuildRules, build_rules_of
from telemetry_server.observability.loggers import get_logger
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings

if TYPE_CHECKING:
    from telemetry_server.edge.api import Api
    from telemetry_server.edge.edge import Edge
    from telemetry_server.fuel.database.collector_database import CollectorDatabase

NEEDED = ("sqlalchemy", "alembic", "psycopg", "cryptography")
MAKES_COLLECTOR = "start serve with fuel = true, or run telemetry-server fuel migrate"
log = get_logger("fuel")


class BuildRulesInForce:
    """The rules of ``fuel_builds_file``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rules = read_build_rules(settings)

    def rules(self) -> BuildRules:
        """Return the rules, as last read."""
        return self._rules

    def read_again(self) -> None:
        """Read the file again; if it is not valid, log the error and keep the rules."""
        try:
            self._rules = read_build_rules(self._settings)
        except ConfigurationError as error:
            log.error("the rules for builds stay", error=str(error))


def read_build_rules(settings: Settings) -> BuildRules:
    """
    Return the rules of ``fuel_builds_file``; none without a file.

    Raises:
        ConfigurationError: It cannot be read, or is not a file of rules.
    """
    file = settings.fuel_builds_file
    if file is None:
        return BuildRules({})
    try:
        return build_rules_of(orjson.loads(file.read_bytes()))
    except OSError as error:
        raise ConfigurationError(f"fuel_builds_file: {file} cannot be read: {error.strerror}") from None
    except (orjson.JSONDecodeError, BadBuildRules) as error:
        raise ConfigurationError(f"fuel_builds_file: {file}: {error}") from None


def check_fuel(settings: Settings) -> None:
    """
    Check that the collector could run.

    Raises:
        ConfigurationError: The extra is missing, or a setting is wrong.
    """
    if settings.fuel:
        need_the_extra()
        read_build_rules(settings)
        collector_url(settings)
        check_failure_settings(settings)


def need_the_extra() -> None:
    """Raise `ConfigurationError` if the libraries of the extra `fuel` are missing."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"{missing[0]} is missing, which Fuel needs: pip install 'telemetry-server[fuel]'"
        )


def collector_url(settings: Settings) -> str:
    """
    Return the URL of the collector's database.

    Raises:
        ConfigurationError: The setting is not one.
    """
    from telemetry_server.fuel.database.engine import url_of

    for name in ("fuel_database_url", "fuel_read_database_url"):
        text = getattr(settings, name)
        try:
            if text:
                url_of(text)
        except BadDatabaseUrl as error:
            raise ConfigurationError(f"{name}: {error}") from None
    if settings.fuel_database_url:
        return settings.fuel_database_url
    return f"sqlite:///{DataRoot(settings.data_dir.resolve()).state / 'fuel.sqlite'}"


def opened_collector(settings: Settings) -> "closing[CollectorDatabase]":
    """
    Return the collector's database, opened for the block.

    Raises:
        DatabaseAway: Its file does not exist yet.
    """
    from telemetry_server.fuel.database.collector_database import CollectorDatabase

    url = collector_url(settings)
    need_file(url, MAKES_COLLECTOR)
    return closing(CollectorDatabase(url, connections=1))


def need_file(url: str, remedy: str) -> None:
    """Raise `DatabaseAway` where the SQLite file of *url* is missing: reading must not create it."""
    from telemetry_server.fuel.database.engine import SQLITE, url_of

    parsed = url_of(url)
    if parsed.get_backend_name() == SQLITE and not Path(parsed.database or "").exists():
        raise DatabaseAway(f"{parsed.database} does not exist yet: {remedy}")


def backup_url(settings: Settings, say: Callable[[str], None]) -> tuple[str, str]:
    """
    Return the URL to back up, and which one it is: the replica, or else the primary.

    Args:
        say: Called with the reason why the replica is not used.
    """
    from telemetry_server.fuel.database.collector_database import CollectorDatabase
    from telemetry_server.fuel.database.replica import MAX_LAG_SECONDS, lag_seconds

    primary, replica = collector_url(settings), settings.fuel_read_database_url
    if not replica:
        return primary, "primary"
    with closing(CollectorDatabase(replica, connections=1, only_reads=True)) as database:
        try:
            lag = lag_seconds(database)
        except DatabaseAway as error:
            say(f"the replica does not answer ({error}): backing up the primary database")
            return primary, "primary"
    if lag > MAX_LAG_SECONDS:
        say(f"the replica is {lag:,.0f} s behind: backing up the primary database")
        return primary, "primary"
    return replica, "replica"


def opener_of(settings: Settings, rules: BuildRulesInForce) -> "Callable[[Edge], Api]":
    """Return what opens the collector in an edge worker."""
    from telemetry_server.fuel.collector.collector import Collector
    from telemetry_server.fuel.collector.contact_sealer import ContactSealer
    from telemetry_server.fuel.collector.intake import IntakeOptions, Signatures
    from telemetry_server.fuel.collector.request_limits import LimitOptions

    options = IntakeOptions(
        max_body_bytes=settings.fuel_max_body_bytes,
        checks_responses=settings.fuel_check_responses,
        signatures=Signatures(settings.fuel_signatures.value),
        build_rules=rules.rules,
        server_version=version("telemetry-server"),
        contacts=ContactSealer(contact_keys(settings)),
        limits=LimitOptions(
            settings.fuel_uid_requests_per_hour,
            settings.fuel_address_requests_per_hour,
            settings.fuel_address_new_uids_per_day,
        ),
    )
    url = collector_url(settings)
    return lambda edge: Collector(edge, url, options)


def run_housekeeping(settings: Settings, lifeline_fd: int, announce: Callable[[], None]) -> int:
    """Run the housekeeping of the collector's database in this process; return its exit status."""
    from telemetry_server.fuel.housekeeping.housekeeper import Housekeeper, HousekeepingOptions
    from telemetry_server.fuel.housekeeping.turns import TURN_SECONDS, take_turns

    rules = BuildRulesInForce(settings)

    def newest_rules() -> BuildRules:
        rules.read_again()
        return rules.rules()

    options = HousekeepingOptions(
        collector_url(settings),
        settings.fuel_read_database_url,
        newest_rules,
        settings.fuel_backup_hours,
        settings.data_dir.resolve() / "backups",
    )
    return take_turns(Housekeeper(options), TURN_SECONDS, lifeline_fd, announce)
