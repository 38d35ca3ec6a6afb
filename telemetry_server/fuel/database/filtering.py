"""Applies the rules for builds to the installations that are stored already."""

from datetime import datetime

import orjson
import sqlalchemy as sa

from telemetry_server.fuel.database.change_numbers import next_change_number
from telemetry_server.fuel.database.collector_database import CollectorDatabase
from telemetry_server.fuel.database.tables import installation_structures
from telemetry_server.fuel.documents.builds import BuildRules

PAGE = 200


def apply_rules(database: CollectorDatabase, rules: BuildRules, now: datetime) -> int:
    """Set ``is_filtered`` of every installation as *rules* say now; return how many changed."""
    table = installation_structures
    changed, newest = 0, 0

    def page(connection: sa.Connection) -> list[tuple[int, str, bool]]:
        query = sa.select(table.c.id, table.c.structure, table.c.is_filtered).where(table.c.id > newest)
        return [tuple(row) for row in connection.execute(query.order_by(table.c.id).limit(PAGE))]

    while rows := database.read(page):
        newest = rows[-1][0]
        wrong = [
            (row_id, structure, not is_filtered)
            for row_id, structure, is_filtered in rows
            if rules.is_filtered(orjson.loads(structure), now) != is_filtered
        ]
        if wrong:
            changed += database.write(lambda connection, wrong=wrong: _set(connection, wrong))  # type: ignore[misc]
    return changed


def _set(connection: sa.Connection, rows: list[tuple[int, str, bool]]) -> int:
    table = installation_structures
    number = next_change_number(connection)
    changed = 0
    for row_id, structure, is_filtered in rows:
        # Not where a new structure has arrived meanwhile: its own flag is right.
        statement = (
            sa.update(table)
            .where(table.c.id == row_id, table.c.structure == structure)
            .values(is_filtered=is_filtered, change_number=number)
        )
        changed += connection.execute(statement).rowcount
    return changed
