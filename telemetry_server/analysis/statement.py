"""Checks that a statement only reads: one SELECT, and nothing else."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


class StatementRefused(Exception):
    """A statement that is not one SELECT, or that reaches for a file or the network.  One line."""


def check_statement(connection: "duckdb.DuckDBPyConnection", text: str) -> str:
    """
    Return *text* if it is exactly one SELECT.

    Raises:
        StatementRefused: It is something else, or it does not parse.
    """
    import duckdb

    try:
        statements = connection.extract_statements(text)
    except duckdb.Error as error:
        raise StatementRefused(one_line(str(error))) from None
    if not statements:
        raise StatementRefused("the statement is empty; write one SELECT")
    if len(statements) > 1:
        raise StatementRefused(f"{len(statements)} statements; write one SELECT")
    kind = statements[0].type
    if kind != duckdb.StatementType.SELECT:
        name = kind.name.lower().replace("_", " ")
        raise StatementRefused(f"only SELECT is allowed; this is a {name} statement")
    return text


def one_line(message: str) -> str:
    """Return the first paragraph of DuckDB's *message* in one line, without its drawing of the place."""
    return " ".join(message.split("\n\nLINE", 1)[0].split())
