"""The analytics database: its schema, and transactions on it."""

from pathlib import Path

from telemetry_server.fuel.analytics.tables import VERSION_TABLE, metadata
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.schema import Schema

HEAD = "0001"  # the newest migration
ANALYTICS = Schema("analytics", HEAD, Path(__file__).parent / "migrations", VERSION_TABLE, metadata)


class AnalyticsDatabase(CollectorDatabase):
    """Runs transactions on the analytics database."""

    version_table = VERSION_TABLE
    head = HEAD
