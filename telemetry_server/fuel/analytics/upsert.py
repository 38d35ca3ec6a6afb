"""Writes facts, many in one statement; a fact replaces the one with the same key."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import orjson
import sqlalchemy as sa

from telemetry_server.fuel.database.engine import SQLITE, insert_of

MAX_ROWS = 5000  # in one statement
_TYPES = (
    (sa.BigInteger, "bigint"),
    (sa.Boolean, "boolean"),
    (sa.Double, "double precision"),
    (sa.Text, "text"),
)


def upsert(connection: sa.Connection, table: sa.Table, facts: Sequence[Any]) -> None:
    """Write *facts*, dataclasses with the columns of *table* as fields."""
    for start in range(0, len(facts), MAX_ROWS):
        rows = [asdict(fact) for fact in facts[start : start + MAX_ROWS]]
        if connection.dialect.name == SQLITE:
            insert = insert_of(connection)(table)
            key = [column.name for column in table.primary_key]
            values = {c.name: insert.excluded[c.name] for c in table.columns if c.name not in key}
            statement = (
                insert.on_conflict_do_update(index_elements=key, set_=values)
                if values
                else insert.on_conflict_do_nothing()
            )
            connection.execute(statement, rows)
        else:
            connection.execute(_from_json(table), {"rows": orjson.dumps(rows).decode()})


def _from_json(table: sa.Table) -> sa.TextClause:
    """Return an insert with one parameter, a JSON text: it takes a fifth of the time."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    typed = ", ".join(f'"{column.name}" {_type_of(column)}' for column in table.columns)
    key = ", ".join(f'"{column.name}"' for column in table.primary_key)
    sets = ", ".join(f'"{c.name}" = excluded."{c.name}"' for c in table.columns if not c.primary_key)
    return sa.text(
        f"INSERT INTO {table.name} ({names}) SELECT {names} FROM"  # noqa: S608 - names of ours
        f" json_to_recordset(CAST(:rows AS json)) AS fact ({typed}) ON CONFLICT ({key}) DO UPDATE SET {sets}"
    )


def _type_of(column: sa.Column[Any]) -> str:
    return next(name for kind, name in _TYPES if isinstance(column.type, kind))
