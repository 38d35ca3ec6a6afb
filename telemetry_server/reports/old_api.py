"""The handlers of the old aggregates service, for pages that were made for it."""

from collections import defaultdict
from typing import Any
from urllib.parse import parse_qsl, urlencode

from telemetry_server.reports.answers import Answer, json_answer
from telemetry_server.reports.problems import Problem
from telemetry_server.reports.queries.errors import QueryError
from telemetry_server.reports.query_process import QueryBroken
from telemetry_server.reports.route import Ask

GROUPINGS = ("build_id", "submission_date")
FILTERS = frozenset({"application", "architecture", "child", "label", "os", "osVersion"})
MAX_PARAMETERS = 500


async def channels(ask: Ask) -> Answer:
    """Answer ``/aggregates_by/<build_id or submission_date>/channels/``."""
    _given(ask, frozenset())
    return await _answer(ask, what="channels", by=_by(ask))


async def dates(ask: Ask) -> Answer:
    """Answer ``…/channels/<channel>/dates/``."""
    _given(ask, frozenset())
    return await _answer(ask, what="dates", by=_by(ask), channel=ask.path["channel"])


async def filters(ask: Ask) -> Answer:
    """Answer ``/filters/``."""
    given = _given(ask, frozenset({"channel", "version"}))
    return await _answer(
        ask, what="filters", channel=_first(given, "channel"), version=_first(given, "version")
    )


async def histograms(ask: Ask) -> Answer:
    """Answer ``…/channels/<channel>/`` with histograms."""
    given = _given(ask, FILTERS | {"metric", "version", "dates"})
    return await _answer(
        ask,
        what="histograms",
        by=_by(ask),
        channel=ask.path["channel"],
        version=_first(given, "version"),
        dates=sorted(set(_first(given, "dates").split(","))),
        metric=_first(given, "metric"),
        filters={name: values for name, values in given.items() if name in FILTERS},
    )


def _by(ask: Ask) -> str:
    by = ask.path["by"]
    if by not in GROUPINGS:
        raise Problem("not-found", f"There are only {' and '.join(GROUPINGS)}.")
    return by


def _given(ask: Ask, allowed: frozenset[str]) -> dict[str, list[str]]:
    """
    Return the parameters; each may be given several times.

    Raises:
        Problem: One is not of the old service.
    """
    path, _, query = ask.target.partition("?")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS, errors="replace")
    except ValueError:
        raise Problem("not-found", "The query string has too many parameters.") from None
    if any(name not in allowed for name, _ in pairs):
        known = urlencode([pair for pair in pairs if pair[0] in allowed])
        raise Problem(
            "wrong-method", "A parameter is unknown.", headers={"Allow": f"{path}?{known}" if known else path}
        )
    found: dict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        found[name].append(value)
    return found


def _first(given: dict[str, list[str]], name: str) -> str:
    """
    Return the value of a parameter.

    Raises:
        Problem: It is missing.
    """
    values = given.get(name)
    if not values or not values[0]:
        raise Problem("not-found", f"The parameter {name} is missing.")
    return values[0]


async def _answer(ask: Ask, **arguments: Any) -> Answer:
    try:
        found = await ask.services.ask_object("old_service", **arguments, is_public=ask.is_public)
    except (QueryError, QueryBroken) as error:
        # The page knows 200, 404, 405 and 500 only.
        raise Problem("failed", f"The answer could not be made: {error}") from None
    if found["answer"] is None:
        raise Problem("not-found", "There is no data for this.")
    return json_answer(found["answer"])
