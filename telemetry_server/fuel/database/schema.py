"""Which schema a database has: that of the collector, or another one with migrations of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of a database, and the migrations that make them."""

    name: str  # as messages name the database
    head: str  # the newest migration
    migrations: Path
    version_table: str
    metadata: sa.MetaData
    prepare: Callable[[sa.Connection, datetime], None] = lambda _connection, _now: None  # after a migration
