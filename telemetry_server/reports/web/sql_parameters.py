"""The parameters of the page of SQL."""

from typing import Annotated

from pydantic import Field

from telemetry_server.reports.parameters import PageParameters

MAX_STATEMENT_CHARACTERS = 6 << 10  # in an address
MAX_ADDRESS_CHARACTERS = 8000  # of the query, escaped: a target has 8 KiB


class SqlParameters(PageParameters):
    """Of the page of SQL."""

    sql: Annotated[
        str,
        Field(max_length=MAX_STATEMENT_CHARACTERS, description="one SELECT over the tables"),
    ] = ""
