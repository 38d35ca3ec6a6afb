"""Finds which installations were seen before."""

from collections.abc import Collection

import orjson
import sqlalchemy as sa

from telemetry_server.fuel.database.engine import SQLITE

# The likeliest first.
TABLES = (
    "installation_structures",
    "signing_keys",
    "action_log_keys",
    "oswl_keys",
    "ostf_runs",
    "failure_reports",
)
_GIVEN = {
    True: "json_each(:uids) AS given",
    False: "json_array_elements_text(CAST(:uids AS json)) AS given(value)",
}


def stored_uids(connection: sa.Connection, uids: Collection[str]) -> set[str]:
    """Return those of *uids* that something is stored of."""
    given = _GIVEN[connection.dialect.name == SQLITE]
    found: set[str] = set()
    for table in TABLES:
        missing = sorted(set(uids) - found)
        if not missing:
            break
        query = sa.text(
            f"SELECT given.value FROM {given} WHERE EXISTS"  # noqa: S608 - the names are constants
            f" (SELECT 1 FROM {table} WHERE {table}.master_node_uid = given.value)"
        )
        found |= set(connection.execute(query, {"uids": orjson.dumps(missing).decode()}).scalars())
    return found
