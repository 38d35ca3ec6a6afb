"""The figures of uptake, recipes and studies over the tables: for the command, the API and the pages."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Protocol

from telemetry_server.normandy.few_reports import (
    OF_MARKS,
    OF_WORDS,
    FewReports,
    enough,
    enough_days,
    hidden_in,
)
from telemetry_server.normandy.matching import EnrollmentEvent
from telemetry_server.normandy.ratio import Ratio
from telemetry_server.normandy.study_report import StudyReport
from telemetry_server.normandy.uptake import CARRIERS
from telemetry_server.normandy.uptake_report import UptakeKey, figures_of, revision_of, times_of
from telemetry_server.normandy.vocabulary import RECIPE

FETCHED_ROWS = 10_000

_COUNTS = """
SELECT carrier, kind, name, word, sum(n)::BIGINT FROM uptake
WHERE component = 'normandy' AND list_contains($carriers, carrier)
  AND submission_date BETWEEN $first_day AND $last_day
  AND channel IS NOT DISTINCT FROM coalesce($channel, channel)
  AND version IS NOT DISTINCT FROM coalesce($version, version)
GROUP BY ALL
"""
# Distinct clients say something only where a client's reports are events.
_CLIENTS = """
SELECT carrier, kind, name,
  count(DISTINCT client_id) FILTER (WHERE word != 'backoff'),
  count(DISTINCT client_id) FILTER (WHERE word = 'success')
FROM uptake
WHERE component = 'normandy' AND carrier != 'histogram' AND list_contains($carriers, carrier)
  AND submission_date BETWEEN $first_day AND $last_day
  AND channel IS NOT DISTINCT FROM coalesce($channel, channel)
  AND version IS NOT DISTINCT FROM coalesce($version, version)
GROUP BY ALL
"""
_TIMES = """
SELECT carrier, kind, name, word,
  quantile_disc(age_seconds, 0.5), quantile_disc(age_seconds, 0.95),
  quantile_disc(duration_ms, 0.5), quantile_disc(duration_ms, 0.95)
FROM uptake
WHERE component = 'normandy' AND carrier != 'histogram' AND list_contains($carriers, carrier)
  AND submission_date BETWEEN $first_day AND $last_day
  AND channel IS NOT DISTINCT FROM coalesce($channel, channel)
  AND version IS NOT DISTINCT FROM coalesce($version, version)
  AND (age_seconds IS NOT NULL OR duration_ms IS NOT NULL)
GROUP BY ALL
"""
_UPTAKE_MARKS = """
SELECT anomaly, sum(n)::BIGINT FROM (
  SELECT unnest(anomalies) AS anomaly, n FROM uptake
  WHERE list_contains($carriers, carrier) AND submission_date BETWEEN $first_day AND $last_day
    AND channel IS NOT DISTINCT FROM coalesce($channel, channel)
    AND version IS NOT DISTINCT FROM coalesce($version, version))
GROUP BY anomaly
"""
# A cycle ends with the report of its runner; each action reports once in it.
_REPEATS_IN_CYCLE = """
SELECT coalesce(sum(reports - 1), 0)::BIGINT FROM (
  SELECT count(*) AS reports FROM (
    SELECT *, count_if(kind = 'runner') OVER (
      PARTITION BY document_id, carrier, process
      ORDER BY timestamp_ms ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS cycle
    FROM uptake
    WHERE carrier != 'histogram' AND list_contains($carriers, carrier)
      AND submission_date BETWEEN $first_day AND $last_day
      AND channel IS NOT DISTINCT FROM coalesce($channel, channel)
      AND version IS NOT DISTINCT FROM coalesce($version, version))
  WHERE kind = 'action' AND cycle > 0
  GROUP BY document_id, carrier, process, name, cycle)
"""
_FRESHNESS = """
SELECT label, max(value_number) FROM scalars
WHERE metric = 'normandy.recipe_freshness' AND value_number < 1e8
  AND submission_date BETWEEN $first_day AND $last_day
  AND channel IS NOT DISTINCT FROM coalesce($channel, channel)
  AND version IS NOT DISTINCT FROM coalesce($version, version)
GROUP BY label
"""
# A client's own clock orders its events: pings may arrive late and in any order.
_ENROLLMENTS = """
SELECT carrier, client_id, coalesce(event_time, submission_timestamp) AS moment, event_time IS NOT NULL,
  method, object, coalesce(value, ''), branch, reason, did_reset_value, addon_id, enrollment_id,
  submission_date BETWEEN $first_day AND $last_day
    AND channel IS NOT DISTINCT FROM coalesce($channel, channel)
    AND version IS NOT DISTINCT FROM coalesce($version, version) AS is_wanted
FROM enrollments WHERE list_contains($carriers, carrier)
ORDER BY carrier, client_id, moment, timestamp_ms, document_id
"""
_ENROLLMENT_MARKS = """
SELECT anomaly, count(*) FROM (
  SELECT unnest(anomalies) AS anomaly FROM enrollments
  WHERE list_contains($carriers, carrier) AND submission_date BETWEEN $first_day AND $last_day
    AND channel IS NOT DISTINCT FROM coalesce($channel, channel)
    AND version IS NOT DISTINCT FROM coalesce($version, version))
GROUP BY anomaly
"""

_RECIPE_DAYS = """
SELECT carrier, strftime(submission_date, '%Y%m%d') AS day, word, sum(n)::BIGINT AS n,
  count(DISTINCT client_id) FROM uptake
WHERE component = 'normandy' AND kind = 'recipe' AND name = $name AND word IS NOT NULL
  AND list_contains($carriers, carrier) AND submission_date BETWEEN $first_day AND $last_day
  AND channel IS NOT DISTINCT FROM coalesce($channel, channel)
  AND version IS NOT DISTINCT FROM coalesce($version, version)
GROUP BY ALL ORDER BY ALL
"""
_STUDY_DAYS = """
SELECT carrier, strftime(submission_date, '%Y%m%d') AS day, method, count(*) AS n,
  count(DISTINCT client_id) FROM enrollments
WHERE value = $name AND list_contains($carriers, carrier) AND submission_date BETWEEN $first_day AND $last_day
  AND channel IS NOT DISTINCT FROM coalesce($channel, channel)
  AND version IS NOT DISTINCT FROM coalesce($version, version)
GROUP BY ALL ORDER BY ALL
"""


class Connection(Protocol):
    """What is used of a DuckDB connection over the tables (docs/sql.md)."""

    def execute(self, query: str, parameters: Any = None) -> "Connection":
        """Run a statement."""

    def fetchall(self) -> list[Any]:
        """Return its rows."""

    def fetchmany(self, size: int = 1) -> list[Any]:
        """Return the next rows."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which pings count; an empty text means all of them."""

    first_day: str = ""  # YYYYMMDD of arrival, included
    last_day: str = ""
    channel: str = ""
    version: str = ""
    carrier: str = ""
    suppress_below: int = 1  # what fewer clients sent is not shown

    @property
    def carriers(self) -> Sequence[str]:
        """The carriers that were asked for."""
        return (self.carrier,) if self.carrier else CARRIERS

    def before(self) -> "Question | None":
        """Return the same question about as many days before; None unless both days are given."""
        if not self.first_day or not self.last_day:
            return None
        first, last = _date(self.first_day), _date(self.last_day)
        days = last - first + timedelta(days=1)
        return replace(self, first_day=f"{first - days:%Y%m%d}", last_day=f"{last - days:%Y%m%d}")

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the statements above."""
        return {
            "first_day": _date(self.first_day or "00010101"),
            "last_day": _date(self.last_day or "99991231"),
            "channel": self.channel or None,
            "version": self.version or None,
            "carriers": list(self.carriers),
        }


def _date(day: str) -> date:
    return date(int(day[:4]), int(day[4:6]), int(day[6:]))


def uptake_answer(connection: Connection, question: Question) -> dict[str, Any]:
    """Return ``{"uptake": […], "anomalies": {…}}``: runners, actions and recipes, by carrier."""
    rows, hidden = _figures(connection, question)
    anomalies = _uptake_anomalies(connection, question)
    return {"uptake": rows, "anomalies": anomalies} | _suppressed(question, hidden)


def recipes_answer(connection: Connection, question: Question) -> dict[str, Any]:
    """Return ``{"recipes": […], "anomalies": {…}}``; each recipe has its newest ``revision``, or null."""
    asked = question.parameters()
    del asked["carriers"]
    freshness = connection.execute(_FRESHNESS, asked).fetchall()
    revisions = {label: revision_of(value) for label, value in freshness}
    rows, hidden = _figures(connection, question, (RECIPE,))
    recipes = [row | {"revision": revisions.get(row["name"])} for row in rows]
    anomalies = _uptake_anomalies(connection, question)
    return {"recipes": recipes, "anomalies": anomalies} | _suppressed(question, hidden)


def _suppressed(question: Question, cells: int) -> dict[str, Any]:
    """Return ``suppressed``, where something may be."""
    return {"suppressed": {"cells": cells}} if question.suppress_below > 1 else {}


def _figures(
    connection: Connection, question: Question, kinds: Sequence[str] = ()
) -> tuple[list[dict[str, Any]], int]:
    """Return the rows of *kinds* (all without one) that may be shown, and how many are not, or not whole."""
    asked = question.parameters()
    counts = connection.execute(_COUNTS, asked).fetchall()
    clients = connection.execute(_CLIENTS, asked).fetchall()
    times = times_of(connection.execute(_TIMES, asked).fetchall())
    rates_before = _rates_before(connection, question)
    few = FewReports(question.suppress_below)
    if question.suppress_below > 1:
        found = connection.execute(OF_WORDS, asked).fetchall()
        few = FewReports(question.suppress_below, {tuple(cell): count for *cell, count in found})
        # A rate of the days before may be of few clients as well.
        rates_before = {}
    rows = [
        figures.as_json(times.get(figures.key, {}), rates_before.get(figures.key))
        for figures in figures_of(counts, clients, question.carriers)
        if not kinds or figures.kind in kinds
    ]
    shown = few.shown(rows)
    return shown, hidden_in(rows, shown)


def _rates_before(connection: Connection, question: Question) -> dict[UptakeKey, Ratio]:
    before = question.before()
    if before is None:
        return {}
    counts = connection.execute(_COUNTS, before.parameters()).fetchall()
    return {figures.key: figures.success_rate for figures in figures_of(counts, [], question.carriers)}


def _uptake_anomalies(connection: Connection, question: Question) -> dict[str, int]:
    asked = question.parameters()
    found: dict[str, int] = dict(connection.execute(_UPTAKE_MARKS, asked).fetchall())
    ((repeats,),) = connection.execute(_REPEATS_IN_CYCLE, asked).fetchall()
    if repeats:
        found["multiple_status_per_cycle"] = repeats
    return _enough_marks(connection, question, "uptake", dict(sorted(found.items())))


def _enough_marks(
    connection: Connection, question: Question, table: str, counts: dict[str, int]
) -> dict[str, int]:
    if question.suppress_below <= 1:
        return counts
    found = connection.execute(OF_MARKS.format(table=table), question.parameters()).fetchall()
    return enough(counts, dict(found), question.suppress_below)


def studies_answer(connection: Connection, question: Question) -> dict[str, Any]:
    """Return ``{"studies": […], "anomalies": {…}}``; events after the asked days still end enrolments."""
    asked = question.parameters()
    report = StudyReport(question.suppress_below)
    report.add_all(_events(connection.execute(_ENROLLMENTS, asked)))
    report.anomalies.update(dict(connection.execute(_ENROLLMENT_MARKS, asked).fetchall()))
    anomalies = {name: count for name, count in sorted(report.anomalies.items()) if count}
    shown = _enough_marks(connection, question, "enrollments", anomalies)
    rows = list(report.rows())
    return {"studies": rows, "anomalies": shown} | _suppressed(question, report.hidden)


def recipe_days(connection: Connection, question: Question, recipe: str) -> list[dict[str, Any]]:
    """Return the reports of *recipe* by carrier, day and status."""
    rows = connection.execute(_RECIPE_DAYS, {**question.parameters(), "name": recipe}).fetchall()
    shown = enough_days(rows, question.suppress_below)
    return [dict(zip(("carrier", "day", "word", "n"), row, strict=True)) for row in shown]


def study_days(connection: Connection, question: Question, study: str) -> list[dict[str, Any]]:
    """Return the events of *study* by carrier, day and method."""
    rows = connection.execute(_STUDY_DAYS, {**question.parameters(), "name": study}).fetchall()
    shown = enough_days(rows, question.suppress_below)
    return [dict(zip(("carrier", "day", "method", "n"), row, strict=True)) for row in shown]


def _events(rows: Connection) -> Iterator[EnrollmentEvent]:
    while fetched := rows.fetchmany(FETCHED_ROWS):
        yield from (EnrollmentEvent(*row) for row in fetched)


def flat_rows(items: Iterable[Mapping[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """
    Return *items* as columns and rows for CSV.

    A ratio becomes the columns numerator, denominator, value, low and high; lists and objects stay whole.
    """
    lines = [dict(_flat(item)) for item in items]
    columns = list(dict.fromkeys(name for line in lines for name in line))
    return columns, [[line.get(name) for name in columns] for line in lines]


def _flat(item: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in item.items():
        if isinstance(value, dict) and "denominator" in value:
            for part, number in value.items():
                yield f"{name}_{part}", number
        else:
            yield name, value
