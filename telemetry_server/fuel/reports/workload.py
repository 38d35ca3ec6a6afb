"""The report on workloads: resources by day, from snapshots that are stored only when something changes."""

from collections import defaultdict
from datetime import date

from telemetry_server.fuel.reports.question import Figures, ReportQueries, Row

RESOURCES = ("vm", "flavor", "image", "volume", "tenant", "keystone_user")
MAX_DAYS = 3660
# A record counts from its day to the day before the next one, at most to the last contact.
_CHANGES = """
WITH chained AS (
  SELECT record.resource_type, record.resources, record.created_day, installation.last_contact_day,
    lead(record.created_day) OVER (
      PARTITION BY record.uid, record.cluster_id, record.resource_type
      ORDER BY record.created_day, record.external_id
    ) AS next_day
  FROM fact_oswl_day AS record
  JOIN (SELECT uid, last_contact_day FROM fact_installation WHERE {scope}) AS installation
    ON installation.uid = record.uid
), spans AS (
  SELECT resource_type, resources, created_day AS first_day,
    CASE WHEN next_day - 1 < last_contact_day THEN next_day - 1 ELSE last_contact_day END AS last_day
  FROM chained
)
SELECT resource_type, day, sum(change) AS change FROM (
  SELECT resource_type, first_day AS day, resources AS change FROM spans WHERE first_day <= last_day
  UNION ALL SELECT resource_type, last_day + 1, -resources FROM spans WHERE first_day <= last_day
) AS changes GROUP BY resource_type, day
"""


def workload(asked: ReportQueries) -> Figures:
    """Resources of each type by day, without those that were removed."""
    changes: dict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(RESOURCES, 0))
    for row in asked.rows(_CHANGES):
        if row["resource_type"] in RESOURCES:
            changes[row["day"]][row["resource_type"]] += int(row["change"])
    days: list[Row] = []
    if changes:
        question = asked.question
        first, last = min(changes), max(changes) - 1
        shown_from = max(first, question.first.toordinal() if question.first else 0, last - MAX_DAYS + 1)
        shown_to = min(last, question.last.toordinal() if question.last else last)
        days = _days(changes, shown_from, shown_to)
    return Figures({}, {"days": days}, {"order": f"by day; the last {MAX_DAYS} days at most"})


def _days(changes: dict[int, dict[str, int]], shown_from: int, shown_to: int) -> list[Row]:
    now = dict.fromkeys(RESOURCES, 0)
    for day in sorted(changes):
        if day < shown_from:
            now = {name: now[name] + changes[day][name] for name in RESOURCES}
    days: list[Row] = []
    for day in range(shown_from, shown_to + 1):
        if day in changes:
            now = {name: now[name] + changes[day][name] for name in RESOURCES}
        days.append({"value": date.fromordinal(day).isoformat(), **now})
    return days
