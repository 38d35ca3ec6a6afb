"""Stored rows as JSON: of one installation, in pages; counts of all rows."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import orjson
import sqlalchemy as sa

from telemetry_server.fuel.database.tables import action_logs, installation_structures, oswl_stats

DEFAULT_LIMIT, MAX_LIMIT = 1000, 10_000
MAX_OFFSET = 2**62
_OURS = ("change_number", "server_version", "schema_version")
_JSON = ("body", "extra", "structure", "resource_data", "version_info")
_CONTACT = ("name", "email", "company", "last_name", "first_name", "phone", "job_title", "country")


class BadPage(Exception):
    """A limit or an offset cannot be used.  One line."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows are wanted."""

    limit: int = DEFAULT_LIMIT
    offset: int = 0


def page_of(text: str) -> Page:
    """
    Return the page of the parameter ``paging_params``; what is not a JSON object means the first page.

    Raises:
        BadPage: Its limit or offset is not such a number.
    """
    try:
        given = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        given = {}
    if not isinstance(given, dict):
        given = {}
    page = Page(given.get("limit", DEFAULT_LIMIT), given.get("offset", 0))
    for name, value, least, most in (
        ("limit", page.limit, 1, MAX_LIMIT),
        ("offset", page.offset, 0, MAX_OFFSET),
    ):
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise BadPage(f"paging_params: {name} must be a whole number from {least} to {most}")
    return page


def installation(connection: sa.Connection, uid: str) -> dict[str, Any] | None:
    """Return the row of an installation; None if it is unknown."""
    query = sa.select(installation_structures).where(installation_structures.c.master_node_uid == uid)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _row(row)


def filtered_installations(connection: sa.Connection, page: Page) -> dict[str, Any]:
    """Return a page of the installations that do not count in reports."""
    table = installation_structures
    return _paged(connection, table, [table.c.is_filtered], [table.c.id], page)


def logs_of(connection: sa.Connection, uid: str, page: Page) -> dict[str, Any]:
    """Return a page of the action logs of an installation."""
    table = action_logs
    return _paged(connection, table, [table.c.master_node_uid == uid], [table.c.external_id], page)


def workloads_of(connection: sa.Connection, uid: str, resource_type: str, page: Page) -> dict[str, Any]:
    """Return a page of the workload records of an installation; of all types with ''."""
    table = oswl_stats
    conditions = [table.c.master_node_uid == uid]
    if resource_type:
        conditions.append(table.c.resource_type == resource_type)
    return _paged(connection, table, conditions, [table.c.external_id], page)


def summary(connection: sa.Connection) -> dict[str, Any]:
    """Return how many rows there are of each kind."""

    def count(table: sa.Table, *conditions: Any) -> int:
        query = sa.select(sa.func.count()).select_from(table).where(*conditions)
        return int(connection.execute(query).scalar_one())

    total = count(installation_structures)
    filtered = count(installation_structures, installation_structures.c.is_filtered)
    return {
        "installation_structures": {"total": total, "filtered": filtered, "not_filtered": total - filtered},
        "action_logs": {"total": count(action_logs)},
        "oswl_stats": {"total": count(oswl_stats)},
    }


def _paged(
    connection: sa.Connection, table: sa.Table, conditions: list[Any], order: list[Any], page: Page
) -> dict[str, Any]:
    total = connection.execute(sa.select(sa.func.count()).select_from(table).where(*conditions)).scalar_one()
    query = sa.select(table).where(*conditions).order_by(*order).limit(page.limit).offset(page.offset)
    found = [_row(row) for row in connection.execute(query).mappings()]
    return {"paging_params": {"limit": page.limit, "offset": page.offset, "total": total}, "objs": found}


def _row(row: Any) -> dict[str, Any]:
    shown: dict[str, Any] = {} if "id" in row else {"id": row["external_id"]}
    shown |= {name: _value(name, value) for name, value in row.items() if name not in _OURS}
    if isinstance(structure := shown.get("structure"), dict):
        information = structure.get("user_information")
        if isinstance(information, dict):
            # The collector keeps contacts elsewhere; rows of an older one may have them here.
            structure["user_information"] = {n: v for n, v in information.items() if n not in _CONTACT}
    return shown


def _value(name: str, value: Any) -> Any:
    if name in _JSON and value is not None:
        return orjson.loads(value)
    return value.isoformat() if isinstance(value, datetime | date | time) else value
