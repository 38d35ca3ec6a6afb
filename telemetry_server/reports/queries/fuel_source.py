"""The databases of Fuel-stat, as a query process keeps them open."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry_server.reports.queries.setup import FuelDatabases

if TYPE_CHECKING:
    from telemetry_server.fuel.analytics.analytics_database import AnalyticsDatabase
    from telemetry_server.fuel.database.collector_database import CollectorDatabase


class FuelSource:
    """The databases of *urls*, each opened when it is first asked; a report ends after *timeout_seconds*."""

    def __init__(self, urls: FuelDatabases, timeout_seconds: float) -> None:
        self._urls = urls
        self._seconds = timeout_seconds
        self._collector: CollectorDatabase | None = None
        self._analytics: AnalyticsDatabase | None = None
        self.file: Path | None = None  # the last one that was written for the parent

    def collector(self) -> "CollectorDatabase":
        """Return the collector's database, or its replica."""
        if self._collector is None:
            from telemetry_server.fuel.database.collector_database import CollectorDatabase

            self._collector = CollectorDatabase(self._urls.collector, connections=1, only_reads=True)
        return self._collector

    def analytics(self) -> "AnalyticsDatabase":
        """Return the analytics database."""
        if self._analytics is None:
            from telemetry_server.fuel.analytics.analytics_database import AnalyticsDatabase

            self._analytics = AnalyticsDatabase(
                self._urls.analytics,
                connections=1,
                only_reads=True,
                has_one_view=True,
                statement_seconds=self._seconds,
            )
        return self._analytics

    def has_file_of(self, url: str) -> bool:
        """Whether the database of *url* can be opened: reading must not create an SQLite file."""
        from telemetry_server.fuel.database.engine import SQLITE, url_of

        parsed = url_of(url)
        return parsed.get_backend_name() != SQLITE or Path(parsed.database or "").exists()

    def has_collector(self) -> bool:
        """Whether there is a collector's database."""
        return self.has_file_of(self._urls.collector)

    def has_analytics(self) -> bool:
        """Whether there is an analytics database."""
        return self.has_file_of(self._urls.analytics)

    def forget_file(self) -> None:
        """Remove the last file, if its reader did not."""
        if self.file is not None:
            with suppress(OSError):
                self.file.unlink()
        self.file = None
