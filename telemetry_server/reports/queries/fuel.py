"""What is asked of Fuel-stat: reports of the facts, and rows and files of the collector's database."""

import gzip
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from telemetry_server.fuel.analytics.bookmarks import data_through
from telemetry_server.fuel.analytics.sources import SOURCES
from telemetry_server.fuel.database.errors import FuelDatabaseError
from telemetry_server.fuel.documents.doctypes import RESOURCE_TYPES
from telemetry_server.fuel.exports import json_rows
from telemetry_server.fuel.exports.aggregate import aggregates
from telemetry_server.fuel.exports.archive import archive_name, write_archive
from telemetry_server.fuel.exports.csv_files import FILES, csv_lines
from telemetry_server.fuel.exports.window import BadDate, Window, window_of
from telemetry_server.fuel.reports.question import BadQuestion, Question
from telemetry_server.fuel.reports.registry import UnknownReport, answer_from, checked_question, report_named
from telemetry_server.reports.queries.errors import BadQuery, NothingFound, QueryStopped
from telemetry_server.reports.queries.fuel_source import FuelSource
from telemetry_server.reports.queries.source import Source

if TYPE_CHECKING:
    from telemetry_server.fuel.analytics.analytics_database import AnalyticsDatabase

Result = TypeVar("Result")
GZIP_LEVEL = 3
ALL = "all"
NOT_HERE = "There is no Fuel-stat collector here: set fuel = true."


def data_through_answer(source: Source, _arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the moment up to which the facts are complete."""
    found = from_facts(fuel_of(source), lambda facts: data_through(facts.rows, len(SOURCES)))
    return {"data_through": found and found.isoformat()}


def report_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Return a report.

    Raises:
        NothingFound: Nothing is stored of this report.
        BadQuery: It lacks a category.
    """
    first, last = arguments["first"], arguments["last"]
    try:
        report = report_named(arguments["name"])
        question = checked_question(
            report,
            Question(
                date.fromisoformat(first) if first else None,
                date.fromisoformat(last) if last else None,
                arguments["release"],
                arguments["include_filtered"],
                max(arguments["suppress_below"], source.setup.suppress_below),
                arguments["of"],
            ),
        )
    except UnknownReport as error:
        raise NothingFound(_sentence(error)) from None
    except BadQuestion as error:
        raise BadQuery(f"of: {error}") from None
    now = datetime.now(UTC)
    return from_facts(
        fuel_of(source),
        lambda facts: answer_from(facts, report, question, now, on_progress=source.on_progress),
    )


def aggregate_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the aggregates by release, as `aggregates` does."""
    with reading_collector(source) as read:
        found: dict[str, Any] = read(
            lambda connection: aggregates(connection, arguments["release"], source.setup.suppress_below)
        )
    return found


def rows_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Return stored rows, or their counts.

    Raises:
        BadQuery: The page is none.
        NothingFound: Nothing is stored of this installation or type of resource.
    """
    uid, resource_type = arguments.get("uid", ""), arguments.get("resource_type", "")
    try:
        page = json_rows.page_of(arguments.get("paging_params", ""))
    except json_rows.BadPage as error:
        raise BadQuery(str(error)) from None
    if resource_type and resource_type not in RESOURCE_TYPES:
        raise NothingFound(f"No type of resource has this name; known are {', '.join(RESOURCE_TYPES)}.")
    asked: dict[str, Callable[[sa.Connection], dict[str, Any] | None]] = {
        "summary": json_rows.summary,
        "installation": lambda c: json_rows.installation(c, uid),
        "filtered": lambda c: json_rows.filtered_installations(c, page),
        "action_logs": lambda c: json_rows.logs_of(c, uid, page),
        "oswls": lambda c: json_rows.workloads_of(c, uid, resource_type, page),
    }
    with reading_collector(source) as read:
        found: dict[str, Any] | None = read(asked[arguments["what"]])
    if found is None:
        raise NothingFound("No installation with this master_node_uid has sent its structure.")
    return found


def csv_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Write a CSV file, packed; return its path, its name, its size unpacked, and what was left out.

    The reader removes the file.

    Raises:
        BadQuery: A date is not one.
        NothingFound: Nothing is stored of this file.
    """
    name = arguments["name"]
    if name not in (*FILES, ALL):
        raise NothingFound(f"No such file; known are {', '.join(FILES)}, {ALL}.")
    try:
        window = window_of(arguments["first"], arguments["last"], datetime.now(UTC).date())
    except BadDate as error:
        raise BadQuery(str(error)) from None
    fuel = fuel_of(source)
    fuel.forget_file()
    broken: list[str] = []
    with tempfile.NamedTemporaryFile(prefix="telemetry-fuel-", suffix=".gz", delete=False) as file:
        fuel.file = Path(file.name)
        with reading_collector(source) as read, gzip.GzipFile("", "wb", GZIP_LEVEL, file, mtime=0) as packed:

            def write(connection: sa.Connection) -> None:
                if name == ALL:
                    write_archive(connection, window, packed, broken.append)
                else:
                    packed.writelines(csv_lines(connection, name, window, broken.append))

            read(write)
            size = packed.tell()
    return {"path": file.name, "file": _file_name(name, window), "bytes": size, "broken": broken}


def _file_name(name: str, window: Window) -> str:
    return archive_name(window) if name == ALL else f"{name}.csv"


def fuel_of(source: Source) -> FuelSource:
    """Return the databases of Fuel-stat.  Raises `NothingFound` where there are none."""
    if source.setup.fuel is None:
        raise NothingFound(NOT_HERE)
    if source.fuel is None:
        source.fuel = FuelSource(source.setup.fuel, source.setup.timeout_seconds)
    return source.fuel


@contextmanager
def reading_collector(source: Source) -> "Iterator[Callable[[Callable[[sa.Connection], Any]], Any]]":
    """Yield what reads the collector's database."""
    fuel = fuel_of(source)
    if not fuel.has_collector():
        raise NothingFound(NOT_HERE)
    try:
        yield fuel.collector().read
    except FuelDatabaseError as error:
        raise QueryStopped(f"The Fuel database is away: {error}") from None


def from_facts(fuel: FuelSource, ask: "Callable[[AnalyticsDatabase], Result]") -> Result:
    """Return what *ask* finds in the facts.  Raises `QueryStopped` where they cannot be read now."""
    if not fuel.has_analytics():
        raise QueryStopped("No facts yet: telemetry-server fuel etl makes them; serve does every minute.")
    try:
        return ask(fuel.analytics())
    except FuelDatabaseError as error:
        raise QueryStopped(f"The Fuel analytics database is away: {error}") from None


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
