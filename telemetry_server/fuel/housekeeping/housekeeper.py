"""
Keeps the collector's database in order: migrations, partitions, builds, old entries, backups.

It runs in a process of its own.  Where the database is away it tries again, and the collector answers 503.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from storage.disk import Disk
from telemetry_server.fuel.database.backup import back_up
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.contacts import remove_old_contacts
from telemetry_server.fuel.database.errors import BackupFailed, DatabaseAway
from telemetry_server.fuel.database.filtering import apply_rules
from telemetry_server.fuel.database.migrating import migrate
from telemetry_server.fuel.database.partitions import ensure_partitions
from telemetry_server.fuel.database.refused_items import remove_old_refused
from telemetry_server.fuel.database.replica import MAX_LAG_SECONDS, lag_seconds
from telemetry_server.fuel.database.signers import remove_old_nonces
from telemetry_server.fuel.documents.builds import BuildRules
from telemetry_server.fuel.housekeeping.turns import take_turns
from telemetry_server.observability import metrics
from telemetry_server.observability.events import (
    FuelBackupMade,
    FuelMigrated,
    FuelReplicaBroken,
    WorkFailed,
)

TURN_SECONDS = 60.0
TIDY_SECONDS = 3600.0
KEPT_BACKUPS = 7


@dataclass(frozen=True, slots=True)
class HousekeepingOptions:
    """What the operator decides about it."""

    database_url: str
    replica_url: str  # empty: none
    build_rules: Callable[[], BuildRules]
    backup_hours: float  # 0: no backups
    backup_dir: Path


class Housekeeper:
    """One turn of `turn` does all that is due."""

    def __init__(self, options: HousekeepingOptions, *, clock: Callable[[], float] = time.time) -> None:
        self._options = options
        self._clock = clock
        self._database = CollectorDatabase(options.database_url, connections=1)
        self._replica = (
            CollectorDatabase(options.replica_url, connections=1, only_reads=True)
            if options.replica_url
            else None
        )
        self._is_migrated = False
        self._is_replica_good = True
        self._tidy_at = 0.0

    def turn(self) -> None:
        """
        Do all that is due.

        Raises:
            DatabaseAway: Try again.
        """
        now = self._clock()
        moment = datetime.fromtimestamp(now, UTC)
        if not self._is_migrated:
            before, after = migrate(self._options.database_url)
            self._is_migrated = True
            if before != after:
                FuelMigrated(before or "none", after).emit()
        self._look_at_replica()
        if now >= self._tidy_at:
            self._database.write(lambda connection: ensure_partitions(connection, moment))
            self._database.write(lambda connection: remove_old_nonces(connection, moment))
            self._database.write(lambda connection: remove_old_refused(connection, moment))
            self._database.write(lambda connection: remove_old_contacts(connection, moment))
            apply_rules(self._database, self._options.build_rules(), moment)
            self._tidy_at = now + TIDY_SECONDS
        if self._options.backup_hours:
            self._back_up_if_due(now)

    def stop_soon(self) -> None:
        """Nothing: no turn is long but a backup, which ends with its process."""

    def read_again(self) -> None:
        """Do the hourly work at the next turn: the rules for builds may have changed."""
        self._tidy_at = 0.0

    def close(self) -> None:
        """Close all connections."""
        self._database.close()
        if self._replica is not None:
            self._replica.close()

    def _look_at_replica(self) -> None:
        if self._replica is None:
            return
        try:
            lag = lag_seconds(self._replica)
        except DatabaseAway as error:
            metrics.fuel_replica_lag_seconds.report(-1)
            if self._is_replica_good:
                FuelReplicaBroken(str(error)).emit()
            self._is_replica_good = False
            return
        metrics.fuel_replica_lag_seconds.report(lag)
        self._is_replica_good = lag <= MAX_LAG_SECONDS

    def _back_up_if_due(self, now: float) -> None:
        folder = self._options.backup_dir
        Disk().make_directories(folder)
        there = sorted(folder.glob("fuel-collector-*.backup"))
        if there and now - there[-1].stat().st_mtime < self._options.backup_hours * 3600:
            return
        file = folder / f"fuel-collector-{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}.backup"
        reads_replica = self._replica is not None and self._is_replica_good
        url = self._options.replica_url if reads_replica else self._options.database_url
        try:
            size = back_up(url, file)
        except BackupFailed as error:
            WorkFailed("a backup of the Fuel database", str(error)).emit()
            return
        FuelBackupMade(str(file), size).emit()
        for old in there[: -KEPT_BACKUPS + 1]:
            old.unlink(missing_ok=True)


def keep_house(housekeeper: Housekeeper, lifeline_fd: int, on_first_turn: Callable[[], None]) -> int:
    """Run *housekeeper* until SIGTERM or the end of the lifeline; return the exit status."""
    return take_turns(housekeeper, TURN_SECONDS, lifeline_fd, on_first_turn)
