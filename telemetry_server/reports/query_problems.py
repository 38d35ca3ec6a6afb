"""Queries without an answer, as problems: for the API, and for the one part of a page that has none."""

from collections.abc import Awaitable
from typing import TypeVar

from telemetry_server.reports.problems import Problem
from telemetry_server.reports.queries.errors import BadQuery, NothingFound, QueryError

Made = TypeVar("Made")


def problem_of_query(error: QueryError) -> Problem:
    """Return the problem of a query that has no answer."""
    if isinstance(error, NothingFound):
        return Problem("not-found", str(error))
    return Problem("bad-request" if isinstance(error, BadQuery) else "stopped", str(error))


async def or_sentence(work: Awaitable[Made]) -> tuple[Made | None, str]:
    """Return what *work* returns; where it has no answer, None and the sentence that says why."""
    try:
        return await work, ""
    except (Problem, QueryError) as error:
        return None, str(error)
