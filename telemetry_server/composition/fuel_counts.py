"""The block `fuel` of `audit`: what the collector's database holds."""

from telemetry_server.settings.settings import Settings


def fuel_counts(settings: Settings) -> dict[str, int | str] | None:
    """Return the rows of each kind; an error if the database cannot be reached; None without a collector."""
    if not settings.fuel:
        return None
    import sqlalchemy as sa

    from telemetry_server.composition.fuel import collector_url, need_the_extra
    from telemetry_server.fuel.database import tables
    from telemetry_server.fuel.database.collector_database import CollectorDatabase
    from telemetry_server.fuel.database.errors import DatabaseAway

    need_the_extra()
    counted = (
        tables.action_logs,
        tables.installation_structures,
        tables.oswl_stats,
        tables.ostf_runs,
        tables.refused_items,
        tables.failure_reports,
    )
    database = CollectorDatabase(collector_url(settings), connections=1, only_reads=True)

    def count(connection: sa.Connection) -> dict[str, int | str]:
        return {
            table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in counted
        }

    try:
        return database.read(count)
    except DatabaseAway as error:
        return {"error": str(error)}
    finally:
        database.close()
