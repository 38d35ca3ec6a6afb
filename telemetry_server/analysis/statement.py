"""Checks that a statement only reads: one SELECT over the tables, and nothing else."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from telemetry_server.analysis.views import FILES_OF

if TYPE_CHECKING:
    import duckdb

# Everything else that DuckDB may call in FROM reads files or changes the session.
TABLE_FUNCTIONS = frozenset(
    {"generate_series", "json_each", "json_tree", "range", "repeat", "repeat_row", "summary", "unnest"}
    | {"histogram", "histogram_values"}
    | {"duckdb_columns", "duckdb_functions", "duckdb_keywords", "duckdb_tables", "duckdb_types"}
    | {"duckdb_views", "pragma_table_info", "pragma_version", "pg_timezone_names"}
)
QUERY_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
MAX_STATEMENT_CHARACTERS = 1_000_000
# What the views read: they limit what is shown of it.
_HIDDEN = frozenset(FILES_OF.values())
# DuckDB's lists of tables, which have these names in the syntax tree, have the hidden ones too.
_TABLES = '"tables"'
_LISTS_OF_TABLES = frozenset({"tables", "__show_tables_expanded"})
_PUBLIC_TABLES = (
    "SELECT view_name AS name FROM duckdb_views() WHERE NOT internal AND view_name NOT IN"  # noqa: S608 - names of our own
    f" {tuple(sorted(_HIDDEN))} ORDER BY name"
)


class StatementRefused(Exception):
    """A statement that is not one SELECT, or that reaches for a file or the network.  One line."""


def check_statement(connection: "duckdb.DuckDBPyConnection", text: str) -> str:
    """
    Return *text* if it is exactly one SELECT over tables; for SHOW TABLES one that lists the public ones.

    Raises:
        StatementRefused: It is something else, or it does not parse.
    """
    import duckdb

    if len(text) > MAX_STATEMENT_CHARACTERS:
        raise StatementRefused(f"the statement is longer than {MAX_STATEMENT_CHARACTERS:,} characters")
    if "\0" in text:  # DuckDB's parsers need not agree on what follows it
        raise StatementRefused("the statement has a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise StatementRefused("the statement is not UTF-8") from None
    try:
        statements = connection.extract_statements(text)
    except duckdb.Error as error:
        raise StatementRefused(one_line(str(error))) from None
    if not statements:
        raise StatementRefused("the statement is empty; write one SELECT")
    if len(statements) > 1:
        raise StatementRefused(f"{len(statements)} statements; write one SELECT")
    kind = statements[0].type
    if kind == duckdb.StatementType.MULTI:
        raise StatementRefused("PIVOT makes temporary objects here; name its values: ON column IN (…)")
    if kind != duckdb.StatementType.SELECT:
        name = kind.name.replace("_", " ")
        raise StatementRefused(f"only SELECT is allowed; this is {name}")
    tree = _parsed(connection, text)
    if _shows_tables(tree):
        return _PUBLIC_TABLES
    _check_parts(tree)
    return text


def _parsed(connection: "duckdb.DuckDBPyConnection", text: str) -> Any:
    """The syntax tree of a SELECT."""
    (tree,) = connection.execute("SELECT json_serialize_sql(?)", [text]).fetchall()[0]
    try:
        parsed = json.loads(tree)
    except RecursionError:
        raise StatementRefused("the statement is nested too deeply") from None
    if parsed["error"]:
        raise StatementRefused(one_line(parsed["error_message"]))
    return parsed["statements"]


def _shows_tables(tree: Any) -> bool:
    source = tree[0]["node"].get("from_table") or {}
    return (
        source.get("type") == "SHOW_REF"
        and source["show_type"] == "SHOW_SPECIAL"
        and source["table_name"] == _TABLES
    )


def _check_parts(tree: Any) -> None:
    for part in _objects(tree):
        kind = part.get("type")
        if kind in ("BASE_TABLE", "SHOW_REF"):
            _check_name(part)
        if kind == "TABLE_FUNCTION":
            name = part["function"]["function_name"].lower()
            if name not in TABLE_FUNCTIONS:
                raise StatementRefused(f"{name}() is not allowed; a statement reads the tables only")
        elif isinstance(kind, str) and kind.endswith("_NODE") and kind not in QUERY_NODES:
            # DuckDB 2 takes INSERT, UPDATE and DELETE inside WITH.
            raise StatementRefused(f"only SELECT is allowed; this has {kind.split('_')[0]} inside")


def _check_name(part: dict[str, Any]) -> None:
    name = part["table_name"].strip('"')
    if name.lower() in _HIDDEN:
        raise StatementRefused(f"{name} is not a table; see docs/sql.md for their names")
    if part["type"] != "SHOW_REF":
        return
    if name.lower() in _LISTS_OF_TABLES or part["show_type"] == "SHOW_FROM":
        raise StatementRefused(
            "only SHOW TABLES, alone, lists tables; DESCRIBE pings shows the columns of one"
        )


def _objects(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a JSON tree; without recursion, since statements may be nested deeply."""
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def one_line(message: str) -> str:
    """Return DuckDB's *message* in one line, without its drawing of the place."""
    return " ".join(message.split("\n\nLINE", 1)[0].split())
