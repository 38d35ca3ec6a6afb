"""What is asked of a report, and how statements are run for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from telemetry_server.fuel.analytics.bookmarks import Mark, Run, with_mark
from telemetry_server.fuel.facts.values import microseconds_of

Row = dict[str, Any]


class BadQuestion(Exception):
    """A parameter has no such value.  One line."""


@dataclass(frozen=True, slots=True)
class Question:
    """The parameters of a report."""

    first: date | None = None  # operations and runs that ended on this day or later, in UTC
    last: date | None = None  # included
    release: str = ""  # of Fuel; empty: all
    include_filtered: bool = False
    suppress_below: int = 1
    of: str = ""  # a category

    def as_json(self) -> Row:
        """Return the parameters as an answer repeats them."""
        return {
            "from": self.first and self.first.isoformat(),
            "to": self.last and self.last.isoformat(),
            "release": self.release or None,
            "include_filtered": self.include_filtered,
            "suppress_below": self.suppress_below,
            **({"of": self.of} if self.of else {}),
        }


@dataclass(frozen=True, slots=True)
class Figures:
    """What a report finds."""

    totals: Row = field(default_factory=dict)
    tables: dict[str, list[Row]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


class ReportQueries:
    """
    Runs the statements of one report.

    In a statement ``{scope}`` stands for the condition on facts of installations, environments and nodes;
    ``{ended}`` for that on the end of an operation or run, whose table is ``fact``, joined to `INSTALLATION`.

    The first statement also reads how far the facts are complete (`mark`): a statement of its own would
    cost as much as a short report.
    """

    def __init__(
        self,
        run: Run,
        question: Question,
        on_statement: Callable[[], None] = lambda: None,
    ) -> None:
        self.question = question
        self.mark: Mark | None = None  # until the first statement
        self._run = run
        self._on_statement = on_statement

    def rows(self, statement: str, **more: object) -> list[Row]:
        """Return the rows of *statement*."""
        scope, ended, values = self._conditions()
        text = statement.replace("{scope}", scope).replace("{ended}", ended)
        given = {name: value for name, value in {**values, **more}.items() if f":{name}" in text}
        if self.mark is None:
            self.mark, found = with_mark(self._run, text, given)
        else:
            found = self._run(text, given)
        self._on_statement()
        return found

    def one(self, statement: str, **more: object) -> Row:
        """Return the only row of *statement*."""
        return self.rows(statement, **more)[0]

    def _conditions(self) -> tuple[str, str, Mapping[str, object]]:
        asked = self.question
        scope, ended = [], []
        if not asked.include_filtered:
            scope.append("NOT is_filtered")
            ended.append("(installation.uid IS NULL OR NOT installation.is_filtered)")
        if asked.release:
            scope.append("release = :release")
            ended.append("installation.release = :release")
        if asked.first is not None:
            ended.append("fact.ended_us >= :first_us")
        if asked.last is not None:
            ended.append("fact.ended_us < :end_us")
        values = {
            "release": asked.release,
            "first_us": asked.first and _begin_of(asked.first),
            "end_us": asked.last and _begin_of(asked.last, days=1),
        }
        return " AND ".join(scope) or "1 = 1", " AND ".join(ended) or "1 = 1", values


INSTALLATION = "LEFT JOIN fact_installation AS installation ON installation.uid = fact.uid"


def _begin_of(day: date, days: int = 0) -> int | None:
    try:
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=days)
    except OverflowError:
        moment = datetime.max.replace(tzinfo=UTC)
    return microseconds_of(moment)


def counted(rows: list[Row]) -> list[Row]:
    """Return *rows* with the largest count first."""
    return sorted(rows, key=lambda row: (-row["count"], row["value"]))
