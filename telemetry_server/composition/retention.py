"""Builds what removes old data from the settings."""

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING

from storage.data_root import DataRoot
from storage.errors import BrokenAggregate
from storage.ledger.ledger import Ledger
from telemetry_server.composition.aggregates import day_sealer
from telemetry_server.composition.fuel_analytics import fuel_databases
from telemetry_server.coordinator.converter import Converter
from telemetry_server.coordinator.retention import RetentionTasks
from telemetry_server.privacy.retention.age import RetentionDays
from telemetry_server.privacy.retention.records import NotSealed, Seal
from telemetry_server.privacy.retention.run import RecordRetention
from telemetry_server.settings.settings import Settings

if TYPE_CHECKING:
    from telemetry_server.fuel.database.collector_database import CollectorDatabase


def retention_days(settings: Settings) -> RetentionDays:
    """Return how long each kind of data is kept."""
    return RetentionDays(
        settings.record_retention_days, settings.quarantine_retention_days, settings.raw_retention_days
    )


def record_retention(settings: Settings) -> RecordRetention | None:
    """Return what removes old records; None where they are kept for ever."""
    if settings.record_retention_days is None:
        return None
    return RecordRetention(
        settings.record_retention_days, seal_of(settings), remembers_ids=settings.dedup_days is not None
    )


def retention_tasks(settings: Settings, converter: Converter) -> RetentionTasks:
    """Return the hourly work of *converter*."""
    records = record_retention(settings)

    async def remove_records(now: datetime) -> None:
        if records is not None:
            await records.remove_or_log(converter, now)

    return RetentionTasks(
        converter,
        raw_retention_days=settings.raw_retention_days,
        dedup_days=settings.dedup_days,
        quarantine_retention_days=settings.quarantine_retention_days,
        remove_records=remove_records,
    )


def seal_of(settings: Settings) -> Seal:
    """Return what seals the aggregates of days; it raises `NotSealed` where it cannot."""
    root = DataRoot(settings.data_dir.resolve())

    def seal(days: Sequence[str]) -> None:
        with Ledger.for_reading(root) as ledger:
            summed = [day for day in days if ledger.table_files(day=day)]
        if not summed:
            return
        if find_spec("pyarrow") is None:
            raise NotSealed(
                f"the records of {summed[0]} stay: PyArrow is not installed, so their aggregates cannot be"
                " sealed; pip install 'telemetry-server[tables]'"
            )
        from telemetry_server.aggregates.update import TableFileMissing, TablesKeepChanging

        try:
            day_sealer(settings).seal(summed)
        except (BrokenAggregate, TablesKeepChanging) as error:
            raise NotSealed(
                f"the records of {summed[0]} stay: {error}; run telemetry-server aggregate"
            ) from None
        except TableFileMissing as error:
            raise NotSealed(f"the records of {summed[0]} stay: {error}") from None

    return seal


def contacts_database(settings: Settings) -> "closing[CollectorDatabase] | None":
    """Return the database with the contacts of Fuel, for ``with``; None where there is nothing of Fuel."""
    if fuel_databases(settings) is None:
        return None
    from telemetry_server.composition.fuel import collector_url
    from telemetry_server.fuel.database.collector_database import CollectorDatabase

    return closing(CollectorDatabase(collector_url(settings), connections=1))


def old_contacts(settings: Settings, now: datetime, *, removes: bool) -> int:
    """
    Return how many contacts are too old at *now*, and with *removes* remove them.

    Raises:
        DatabaseAway: The database cannot be used now.
    """
    opened = contacts_database(settings)
    if opened is None:
        return 0
    from telemetry_server.fuel.database.contacts import count_old_contacts, remove_old_contacts

    with opened as database:
        if removes:
            return database.write(lambda connection: remove_old_contacts(connection, now))
        return database.read(lambda connection: count_old_contacts(connection, now))
