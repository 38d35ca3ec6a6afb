"""The page of SQL: one SELECT over the tables, and its result."""

import asyncio
from typing import Any
from urllib.parse import urlencode

from telemetry_server.reports.answers import Answer, not_kept, see_other
from telemetry_server.reports.api import statement_result
from telemetry_server.reports.forms import form_fields
from telemetry_server.reports.parameters import checked
from telemetry_server.reports.problems import Problem
from telemetry_server.reports.query_problems import or_sentence
from telemetry_server.reports.route import Ask
from telemetry_server.reports.statement_result import read_result, result_as_csv
from telemetry_server.reports.web.sql_parameters import (
    MAX_ADDRESS_CHARACTERS,
    MAX_STATEMENT_CHARACTERS,
    SqlParameters,
)
from telemetry_server.reports.web.templates import page

MAX_ROWS_SHOWN = 1000
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER")
MORE_NUMBERS = ("UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL")
EXAMPLES = (
    ("Pings by doctype", "SELECT doctype, count(*) AS pings FROM pings GROUP BY ALL ORDER BY pings DESC"),
    (
        "Clients by version and channel",
        "SELECT version, channel, count(DISTINCT client_id) AS clients\n"
        "FROM pings GROUP BY ALL ORDER BY clients DESC",
    ),
    (
        "Metrics by number of pings",
        "SELECT metric, count(*) AS histograms FROM histograms\n"
        "GROUP BY ALL ORDER BY histograms DESC LIMIT 100",
    ),
)
ELSEWHERE = ("cross-site", "same-site")  # Fetch Metadata, "Sec-Fetch-Site"


async def sql(ask: Ask) -> Answer:
    """Answer ``GET /sql``: the editor, and the result of the statement in the address."""
    statement = ask.parameters.sql
    if statement and ask.headers.get("Sec-Fetch-Site", "none") in ELSEWHERE:
        error = "A page of another site led here, so the statement was not run. Read it, then press Run."
        return await _page(ask, statement, error=error)
    return await _answer(ask, statement, ask.parameters.format)


async def run_sql(ask: Ask) -> Answer:
    """Answer ``POST /sql``: the address of the statement, or the result of one that is too long for it."""
    fields = form_fields(ask.body)
    statement = fields.get("sql", "").replace("\r\n", "\n").strip()
    wanted = fields.get("format", "")
    format_ = checked(SqlParameters, {"format": wanted}).format if wanted else None
    if not statement:
        return see_other("/sql")
    if query := address_query(statement, format_ or ""):
        return see_other(f"/sql?{query}")
    return await _answer(ask, statement, format_)


def address_query(statement: str, format_: str = "") -> str:
    """Return the query of the address of *statement*; empty where it is too long for one."""
    query = urlencode({"sql": statement} | ({"format": format_} if format_ else {}))
    is_short = len(statement) <= MAX_STATEMENT_CHARACTERS and len(query) <= MAX_ADDRESS_CHARACTERS
    return query if is_short else ""


async def _answer(ask: Ask, statement: str, format_: str | None) -> Answer:
    if not statement.strip():
        return await _page(ask, statement)
    try:
        body = await statement_result(ask, statement)
    except Problem as problem:
        if format_:
            raise
        return await _page(ask, statement, error=problem.detail, status=problem.status)
    if format_ == "json":
        return not_kept(Answer(body + b"\n"))
    if format_ == "csv":
        return await asyncio.get_running_loop().run_in_executor(None, result_as_csv, body)
    result = await asyncio.get_running_loop().run_in_executor(None, read_result, body)
    return await _page(ask, statement, result=result)


def _shown_column(column: dict[str, str]) -> dict[str, object]:
    kind = column["type"].partition("(")[0]
    return {**column, "is_number": kind in NUMBERS or kind in MORE_NUMBERS}


async def _page(
    ask: Ask, statement: str, *, result: Any = None, error: str = "", status: int = 200
) -> Answer:
    tables, no_tables = await or_sentence(ask.services.ask_object("table_columns"))
    return not_kept(
        page(
            "sql.html",
            ask.services,
            ask.visitor,
            status=status,
            statement=statement,
            query=address_query(statement),
            result=result,
            columns=[_shown_column(column) for column in result["columns"]] if result else [],
            examples=EXAMPLES,
            rows=result["rows"][:MAX_ROWS_SHOWN] if result else [],
            error=error,
            tables=tables["tables"] if tables else [],
            no_tables=no_tables,
        )
    )
