"""One SQL statement over the tables, with its result as one value."""

from typing import TYPE_CHECKING, Any

import orjson

from telemetry_server.reports.queries.errors import BadQuery, QueryStopped
from telemetry_server.reports.queries.source import Source

if TYPE_CHECKING:
    import duckdb

MAX_RESULT_BYTES = 16 << 20
COLUMNS = """
SELECT table_name, column_name, data_type FROM duckdb_columns()
WHERE NOT internal AND NOT ends_with(table_name, '_files') ORDER BY table_name, column_index
"""
# DuckDB counts only its own buffers; the rest of what the process may have is for results and readers.
SHARE_OF_DUCKDB = 0.6


def statement_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Return ``{"columns": …, "rows": …}`` of a statement; rows are JSON text already.

    Raises:
        BadQuery: The statement is refused or wrong.
        QueryStopped: It took too much time or memory, or its result is too large.
    """
    from telemetry_server.analysis.extras import TablesNotInstalled
    from telemetry_server.analysis.query import QueryLimits, opened_session
    from telemetry_server.analysis.statement import StatementRefused
    from telemetry_server.analysis.watch import StatementHung, StatementStopped

    setup = source.setup
    limits = QueryLimits(setup.timeout_seconds, int(setup.memory_bytes * SHARE_OF_DUCKDB))
    anonymous = setup.conversion.stores.anonymous
    answers: list[dict[str, Any]] = []
    try:
        with opened_session(setup.root, setup.specs, limits, anonymous=anonymous) as session:
            session.run(arguments["sql"], lambda connection, text: answers.append(_result(connection, text)))
    except (StatementRefused, TablesNotInstalled) as error:
        raise BadQuery(str(error)) from None
    except StatementStopped as error:
        raise QueryStopped(_reason(str(error), setup.timeout_seconds, setup.memory_bytes)) from None
    except StatementHung as hung:
        raise QueryStopped(f"The query was stopped after {setup.timeout_seconds:g} s.") from hung
    return answers[0]


def table_columns_answer(source: Source, _arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Return every table with the names and types of its columns.

    Raises:
        BadQuery: The packages that tables need are not installed.
    """
    answer = statement_answer(source, {"sql": COLUMNS})
    tables: dict[str, list[dict[str, str]]] = {}
    for table, name, kind in orjson.loads(orjson.dumps(answer["rows"])):
        tables.setdefault(table, []).append({"name": name, "type": kind})
    return {"tables": [{"table": table, "columns": columns} for table, columns in tables.items()]}


def _reason(text: str, timeout_seconds: float, memory_bytes: int) -> str:
    if "memory" in text:
        return f"The query was stopped: it needs more than {memory_bytes / 2**20:,.0f} MiB of memory."
    remedy = "Narrow the days, or use telemetry-server sql --timeout."
    return f"The query was stopped after {timeout_seconds:g} s. {remedy}"


def _result(connection: "duckdb.DuckDBPyConnection", statement: str) -> dict[str, Any]:
    from telemetry_server.analysis.result import batches_of, columns_of
    from telemetry_server.analysis.values import plain

    connection.execute(statement)
    description = connection.description or ()
    names = [column.name for column in columns_of(description)]
    columns = [
        {"name": name, "type": "NULL" if str(kind) == '"NULL"' else str(kind)}  # DuckDB quotes it
        for name, (_, kind, *_) in zip(names, description, strict=True)
    ]
    rows: list[Any] = []
    size = 0
    for batch in batches_of(connection):
        for row in batch:
            values = orjson.dumps([plain(value) for value in row])
            size += len(values)
            if size > MAX_RESULT_BYTES:
                raise QueryStopped(
                    f"The query was stopped: its result is larger than {MAX_RESULT_BYTES >> 20} MiB."
                    " Add LIMIT, or use telemetry-server sql."
                )
            rows.append(orjson.Fragment(values))
    return {"columns": columns, "rows": rows}
