"""All reports by name, and how one is answered."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from math import inf

from telemetry_server.fuel.analytics.analytics_database import AnalyticsDatabase
from telemetry_server.fuel.analytics.bookmarks import Run
from telemetry_server.fuel.analytics.sources import SOURCES
from telemetry_server.fuel.facts.small_groups import hidden_places
from telemetry_server.fuel.reports import environments, nodes, operations
from telemetry_server.fuel.reports.distribution import category_named, distribution
from telemetry_server.fuel.reports.health_checks import health_checks
from telemetry_server.fuel.reports.question import BadQuestion, Figures, Question, ReportQueries, Row
from telemetry_server.fuel.reports.workload import workload


@dataclass(frozen=True, slots=True)
class Report:
    """One report."""

    name: str
    figures: Callable[[ReportQueries], Figures]
    statements: int = 1  # that it runs


_ALL = (
    Report("os", environments.operating_systems),
    Report("releases", environments.releases),
    Report("deployment-time", operations.deployment_time),
    Report("server-types", nodes.server_types, 2),
    Report("failures-before-success", operations.failures_before_success),
    Report("node-types", nodes.node_types, 2),
    Report("health-checks", health_checks),
    Report("hypervisors", environments.hypervisors),
    Report("statuses", environments.statuses),
    Report("storage", environments.storage),
    Report("networks", environments.networks),
    Report("environments", environments.environments),
    Report("environment-sizes", environments.sizes),
    Report("projects", environments.projects),
    Report("network-verification", operations.network_verification),
    Report("customisation", environments.customisation),
    Report("workload", workload),
    Report("distribution", distribution),
)
REPORTS: dict[str, Report] = {report.name: report for report in _ALL}


class UnknownReport(Exception):
    """No report has this name.  One line."""


def report_named(name: str) -> Report:
    """
    Return the report with *name*.

    Raises:
        UnknownReport: There is none.
    """
    if name not in REPORTS:
        raise UnknownReport(f"no report {name!r}; known are {', '.join(REPORTS)}")
    return REPORTS[name]


def checked_question(report: Report, question: Question) -> Question:
    """
    Return *question* as the report needs it.

    Raises:
        BadQuestion: It asks for a category that is missing or unknown, or names one where there is none.
    """
    if report.name != "distribution":
        if question.of:
            raise BadQuestion(f"the report {report.name} has no category; only distribution has")
        return question
    return Question(
        question.first,
        question.last,
        question.release,
        question.include_filtered,
        question.suppress_below,
        category_named(question.of),
    )


def answer_from(
    database: AnalyticsDatabase,
    report: Report,
    question: Question,
    now: datetime,
    *,
    on_progress: Callable[[float], None] = lambda _share: None,
) -> Row:
    """
    Return the answer to *question*; all of it is as the facts were at one moment.

    Raises:
        DatabaseAway: The database cannot be used now.
    """
    if report.statements == 1:  # which sees one moment without a transaction around it
        return _answer(database.rows, report, question, now, on_progress)
    return database.read(
        lambda connection: _answer(partial(database.rows_of, connection), report, question, now, on_progress)
    )


def _answer(
    run: Run, report: Report, question: Question, now: datetime, on_progress: Callable[[float], None]
) -> Row:
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        on_progress(min(1.0, done / report.statements))

    asked = ReportQueries(run, question, count)
    figures = report.figures(asked)
    through = asked.mark and asked.mark.through(len(SOURCES))
    tables, suppressed = _suppressed(figures.tables, question.suppress_below)
    return {
        "report": report.name,
        "parameters": question.as_json(),
        "generated_at": now.isoformat(),
        "data_through": through and through.isoformat(),
        "totals": figures.totals,
        "tables": tables,
        "suppressed": {"groups": suppressed},
        "notes": figures.notes,
    }


def _suppressed(tables: dict[str, list[Row]], below: int) -> tuple[dict[str, list[Row]], int]:
    """
    Return *tables* without groups smaller than *below*, and how many are left out.

    The rows of a table may add up to a total.  So what is left out of one is *below* at least, or all of it.
    """
    if below <= 1:
        return tables, 0
    kept = {name: _large_rows(rows, below) for name, rows in tables.items()}
    return kept, sum(len(tables[name]) - len(kept[name]) for name in tables)


def _large_rows(rows: list[Row], below: int) -> list[Row]:
    hidden = hidden_places([_size_of(row) for row in rows], below)
    return [row for place, row in enumerate(rows) if place not in hidden]


def _size_of(row: Row) -> float:
    """Return the installations, or else the things, that a row stands for; a row of a day has no size."""
    counted = [row[name] for name in ("installations", "count", "runs") if row.get(name) is not None]
    return float(min(counted, default=inf))
