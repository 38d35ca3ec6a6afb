"""Uptake, recipes and studies of Normandy."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from telemetry_server.normandy import answers
from telemetry_server.normandy.answers import Question
from telemetry_server.reports.queries.errors import BadQuery, NothingFound
from telemetry_server.reports.queries.source import Source
from telemetry_server.reports.queries.statement import SHARE_OF_DUCKDB

if TYPE_CHECKING:
    import duckdb

UPTAKE, ENROLLMENTS = "uptake", "enrollments"
MAX_REMEMBERED = 32  # answers


def uptake_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return ``{"uptake": …, "anomalies": …}``."""
    with _opened(source) as connection:
        return answers.uptake_answer(connection, _question(source, arguments))


def recipes_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return ``{"recipes": …, "anomalies": …}``."""
    with _opened(source) as connection:
        return answers.recipes_answer(connection, _question(source, arguments))


def studies_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return ``{"studies": …, "anomalies": …}``."""
    with _opened(source) as connection:
        return answers.studies_answer(connection, _question(source, arguments))


def overview_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the uptake and the studies, for the page of both; made anew when their tables have changed."""
    key = orjson.dumps(["normandy", arguments], option=orjson.OPT_SORT_KEYS)
    with source.ledger() as ledger:
        files = [file.path for table in (UPTAKE, ENROLLMENTS) for file in ledger.table_files(table)]
    stamp = datetime.now(UTC).date(), files
    known = source.answers.get(key)
    if known is None or known[0] != stamp:
        known = source.answers[key] = stamp, _overview(source, arguments)
        while len(source.answers) > MAX_REMEMBERED:
            source.answers.popitem(last=False)
    return known[1]


def _overview(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    with _opened(source) as connection:
        asked = _question(source, arguments)
        studies = answers.studies_answer(connection, asked)
        uptake = answers.uptake_answer(connection, asked)
    return {
        "uptake": uptake["uptake"],
        "studies": studies["studies"],
        "anomalies": {"uptake": uptake["anomalies"], "studies": studies["anomalies"]},
        "suppressed": sum(each.get("suppressed", {}).get("cells", 0) for each in (uptake, studies)),
    }


def recipe_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Return the figures of one recipe by carrier, and its reports by day.

    Raises:
        NothingFound: Nothing reported it.
    """
    recipe = arguments.pop("name")
    with _opened(source) as connection:
        asked = _question(source, arguments)
        rows = [row for row in answers.recipes_answer(connection, asked)["recipes"] if row["name"] == recipe]
        days = answers.recipe_days(connection, asked, recipe)
    if not rows:
        raise NothingFound(f"No client reported the recipe {recipe}{_or_few(source)}.")
    return {"recipes": rows, "days": days}


def study_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Return the figures of one study by carrier and object, and its events by day.

    Raises:
        NothingFound: No client named it.
    """
    study = arguments.pop("name")
    with _opened(source) as connection:
        asked = _question(source, arguments)
        rows = [row for row in answers.studies_answer(connection, asked)["studies"] if row["study"] == study]
        days = answers.study_days(connection, asked, study)
    if not rows:
        raise NothingFound(f"No client sent an event of that study{_or_few(source)}.")
    return {"studies": rows, "days": days}


def _or_few(source: Source) -> str:
    few = source.setup.suppress_below
    return f", or fewer than {few:,} did" if few > 1 else ""


def _question(source: Source, arguments: dict[str, Any]) -> Question:
    return Question(**arguments, suppress_below=source.setup.suppress_below)


@contextmanager
def _opened(source: Source) -> "Iterator[duckdb.DuckDBPyConnection]":
    from telemetry_server.analysis.extras import TablesNotInstalled
    from telemetry_server.analysis.query import QueryLimits, opened_session

    setup = source.setup
    limits = QueryLimits(setup.timeout_seconds, int(setup.memory_bytes * SHARE_OF_DUCKDB))
    anonymous = setup.conversion.stores.anonymous
    try:
        with opened_session(setup.root, setup.specs, limits, anonymous=anonymous) as session:
            yield session.connection
    except TablesNotInstalled as error:
        raise BadQuery(str(error)) from None
