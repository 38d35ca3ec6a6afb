"""Loads what has changed into the analytics database, again and again."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from telemetry_server.fuel.analytics.etl import Etl, EtlResult
from telemetry_server.observability import metrics
from telemetry_server.observability.events import WorkFailed


class EtlFollower:
    """
    One `turn` loads all that has changed; `take_turns` runs it.

    Args:
        open_etl: Opens the ETL; called with whether the database of the facts is to be migrated.
    """

    def __init__(self, open_etl: Callable[[bool], AbstractContextManager[Etl]]) -> None:
        self._open_etl = open_etl
        self._is_migrated = False
        self._etl: Etl | None = None
        self._failed: dict[str, str] = {}

    def turn(self) -> None:
        """
        Load all that has changed.

        Raises:
            DatabaseAway: Try again.
        """
        with self._open_etl(not self._is_migrated) as etl:
            self._is_migrated = True
            self._etl = etl
            self._note(etl.run())

    def _note(self, result: EtlResult) -> None:
        for table, moved in result.moved.items():
            metrics.fuel_etl_documents.count(table, amount=moved)
        if not result.failed:
            metrics.fuel_etl_time.report(datetime.now(UTC).timestamp())
        for table, reason in result.failed.items():
            if self._failed.get(table) != reason:
                WorkFailed(f"the ETL of {table}", reason).emit()
        self._failed = result.failed

    def stop_soon(self) -> None:
        """End a turn after its present transaction."""
        if self._etl is not None:
            self._etl.is_stopping = True

    def read_again(self) -> None:
        """Do nothing: no file is read."""

    def close(self) -> None:
        """Do nothing: a turn closes what it opens."""
