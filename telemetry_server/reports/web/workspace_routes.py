"""The pages of what arrives, of what is declared, of SQL and of users."""

from telemetry_server.access.roles import Right
from telemetry_server.reports.collected_api import CollectedParameters
from telemetry_server.reports.parameters import (
    DriftParameters,
    Empty,
    ListParameters,
    QuarantineCountParameters,
    StoresParameters,
)
from telemetry_server.reports.route import Route
from telemetry_server.reports.web import collected, drift, quarantine, sql, users
from telemetry_server.reports.web.sql_parameters import SqlParameters
from telemetry_server.reports.web.users_parameters import UsersParameters


class DriftPageParameters(DriftParameters, ListParameters):
    """Of the page of drift, which shows a part of the table."""


class StoresPageParameters(StoresParameters, ListParameters):
    """Of the page of stores, which shows a part of a long table."""


WORKSPACE_ROUTES = (
    Route(
        "GET",
        "/quarantine",
        quarantine.quarantine,
        "Reasons over time.",
        Right.AGGREGATES,
        QuarantineCountParameters,
    ),
    Route("GET", "/drift", drift.drift, "Declared against sent.", Right.AGGREGATES, DriftPageParameters),
    Route("GET", "/stores", drift.stores, "What came by store.", Right.AGGREGATES, StoresPageParameters),
    Route(
        "GET",
        "/collected",
        collected.collected,
        "What is collected.",
        Right.AGGREGATES,
        CollectedParameters,
        can_be_public=True,
    ),
    Route("GET", "/sql", sql.sql, "The editor, and a result.", Right.RECORDS, SqlParameters),
    Route("POST", "/sql", sql.run_sql, "Run a statement.", Right.RECORDS, Empty),
    Route("GET", "/users", users.users, "Users and tokens.", Right.USERS, UsersParameters),
    Route("POST", "/users", users.change_users, "Change users or tokens.", Right.USERS, Empty),
)
