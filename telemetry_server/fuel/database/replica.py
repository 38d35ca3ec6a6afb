"""Looks at the replica: whether it answers, and how far it is behind."""

import sqlalchemy as sa

from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.engine import POSTGRESQL

MAX_LAG_SECONDS = 300.0  # a replica that is further behind is not used for a backup

# A replica that has replayed all it received is not behind, however long ago the last change was.
_LAG = """
SELECT CASE
  WHEN NOT pg_is_in_recovery() THEN 0
  WHEN pg_last_wal_receive_lsn() IS NOT DISTINCT FROM pg_last_wal_replay_lsn()
    AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0
  ELSE coalesce(extract(epoch FROM now() - pg_last_xact_replay_timestamp()), 1000000000)
END
"""


def lag_seconds(database: CollectorDatabase) -> float:
    """
    Return how far the replica is behind its primary; 0 for a primary, and on SQLite.

    Raises:
        DatabaseAway: It does not answer.
    """
    if database.dialect != POSTGRESQL:
        return 0.0
    lag = database.read(lambda connection: connection.execute(sa.text(_LAG)).scalar_one())
    return min(max(0.0, float(lag)), 1e9)
