"""Monthly partitions on PostgreSQL: they exist before their month begins."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import sqlalchemy as sa

from telemetry_server.fuel.database.engine import SQLITE
from telemetry_server.fuel.database.tables import PARTITIONED

LOCK = 0x4655454C  # of all processes that create partitions
_NAME = "{table}_y{month:%Y}m{month:%m}"


@dataclass(frozen=True, slots=True)
class Partition:
    """The rows of one table that arrived in one month."""

    table: str
    month: str  # YYYY-MM
    rows: int
    bytes: int | None  # None on SQLite, which has one file for all


def month_of(moment: datetime) -> date:
    """Return the first day of the month of *moment*, in UTC."""
    return moment.astimezone(UTC).date().replace(day=1)


def month_after(month: date) -> date:
    """Return the first day of the following month."""
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def ensure_partitions(connection: sa.Connection, now: datetime) -> None:
    """Create the partitions of this month and the next, where they are missing."""
    if connection.dialect.name == SQLITE:
        return
    month = month_of(now)
    wanted = [(table, first) for first in (month, month_after(month)) for table in PARTITIONED]
    there = set(partition_names(connection))
    missing = [(table, first) for table, first in wanted if _name(table, first) not in there]
    if not missing:
        return
    connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({LOCK})"))
    for table, first in missing:
        connection.execute(
            sa.text(
                f"CREATE TABLE IF NOT EXISTS {_name(table, first)} PARTITION OF {table.name}"
                f" FOR VALUES FROM ('{first} 00:00:00+00') TO ('{month_after(first)} 00:00:00+00')"
            )
        )


def _name(table: sa.Table, month: date) -> str:
    return _NAME.format(table=table.name, month=month)


def partition_names(connection: sa.Connection) -> Iterable[str]:
    """Return the names of all partitions (PostgreSQL)."""
    names = ", ".join(f"'{table.name}'" for table in PARTITIONED)
    return connection.execute(
        sa.text(
            "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid"  # noqa: S608
            f" JOIN pg_class parent ON parent.oid = inhparent WHERE parent.relname IN ({names})"
            " AND parent.relnamespace = current_schema()::regnamespace ORDER BY child.relname"
        )
    ).scalars()


def partitions(connection: sa.Connection) -> list[Partition]:
    """Return all partitions with their sizes; on SQLite, the rows of each month."""
    found = []
    if connection.dialect.name == SQLITE:
        for table in PARTITIONED:
            month = sa.func.strftime("%Y-%m", sa.type_coerce(table.c.received_at, sa.Text()))
            counts = sa.select(month, sa.func.count()).group_by(month).order_by(month)
            found += [Partition(table.name, name, rows, None) for name, rows in connection.execute(counts)]
        return found
    names = list(partition_names(connection))
    for table in PARTITIONED:
        for name in names:
            if name.startswith(f"{table.name}_y"):
                rows, size = connection.execute(
                    sa.text(f"SELECT count(*), pg_total_relation_size('{name}') FROM {name}")  # noqa: S608
                ).one()
                year, _, month_number = name.rpartition("_y")[2].partition("m")
                found.append(Partition(table.name, f"{year}-{month_number}", rows, size))
    return found
