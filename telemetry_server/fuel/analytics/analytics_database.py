"""The analytics database: its schema, and transactions on it."""

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from telemetry_server.fuel.analytics.tables import VERSION_TABLE, metadata
from telemetry_server.fuel.database.collector_database import CollectorDatabase, Result
from telemetry_server.fuel.database.engine import POSTGRESQL, READS
from telemetry_server.fuel.database.schema import Schema

HEAD = "0001"  # the newest migration
ANALYTICS = Schema("analytics", HEAD, Path(__file__).parent / "migrations", VERSION_TABLE, metadata)


class AnalyticsDatabase(CollectorDatabase):
    """Runs transactions on the analytics database."""

    version_table = VERSION_TABLE
    head = HEAD

    def read(self, work: Callable[[sa.Connection], Result]) -> Result:
        """Run *work*, which only reads, on one view of the facts; return its result."""
        view = {"isolation_level": "REPEATABLE READ"} if self.dialect == POSTGRESQL else {}
        return self._run(work, {**READS, **view})
