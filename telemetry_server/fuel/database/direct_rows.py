"""
Runs one statement on PostgreSQL by psycopg alone, without a transaction.

What SQLAlchemy does around a statement costs several times as much as a short statement itself.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import exc

from telemetry_server.fuel.database.errors import DatabaseAway
from telemetry_server.fuel.database.faults import one_line

if TYPE_CHECKING:
    from psycopg import Connection

_PARAMETER = re.compile(r":([a-z_]+)")


def direct_rows(engine: sa.Engine, statement: str, values: Mapping[str, object]) -> list[dict[str, Any]]:
    """
    Return the rows of *statement*, in which ``:name`` stands for a value and no other colon occurs.

    Raises:
        DatabaseAway: It cannot be used now, or stopped the statement.
    """
    import psycopg

    query = _PARAMETER.sub(r"%(\1)s", statement) if values else statement
    for attempt in range(2):
        try:
            connection = engine.raw_connection()
        except (exc.DBAPIError, exc.TimeoutError) as error:
            raise DatabaseAway(one_line(error)) from error
        try:
            driver: Connection[Any] = connection.driver_connection  # type: ignore[assignment]
            return _run(driver, query, values)
        except psycopg.Error as error:
            is_lost = connection.driver_connection is None or bool(driver.closed)
            if is_lost:
                connection.invalidate(error)
            if attempt or not is_lost:
                raise DatabaseAway(one_line(error)) from error
        finally:
            connection.close()
    raise AssertionError


def _run(driver: "Connection[Any]", query: str, values: Mapping[str, object]) -> list[dict[str, Any]]:
    from psycopg.rows import dict_row

    driver.autocommit = True
    try:
        with driver.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query.encode(), values or None).fetchall()
    finally:
        with suppress(Exception):  # of a connection that was lost
            driver.autocommit = False
