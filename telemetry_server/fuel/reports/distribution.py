"""The distribution of one category of collected data."""

from telemetry_server.fuel.facts.categories import CATEGORIES
from telemetry_server.fuel.facts.values import UNKNOWN
from telemetry_server.fuel.reports.operations import VERIFICATIONS
from telemetry_server.fuel.reports.question import (
    INSTALLATION,
    BadQuestion,
    Figures,
    ReportQueries,
    Row,
    counted,
)

_DURATIONS = ((1, "0-1 s"), (10, "1-10 s"), (60, "10-60 s"), (600, "1-10 min"), (3600, "10-60 min"))
_DURATION = (
    f"CASE WHEN fact.seconds IS NULL OR fact.seconds < 0 THEN '{UNKNOWN}' "
    + " ".join(f"WHEN fact.seconds < {end} THEN '{name}'" for end, name in _DURATIONS)
    + " ELSE '1 h and more' END"
)
# Categories of operations and health checks: the table, and the expression of the value.
_FROM_FACTS = {
    "operation-type": ("fact_operation", "fact.action_name"),
    "operation-time": ("fact_operation", "fact.start_day"),
    "execution-time": ("fact_operation", _DURATION),
    "health-checks": ("fact_ostf_result", "fact.status"),
}


def category_named(text: str) -> str:
    """
    Return the name of a category; case does not count, nor ``_`` for ``-``.

    Raises:
        BadQuestion: The category does not exist.
    """
    name = text.strip().lower().replace("_", "-").replace(" ", "-")
    if name not in CATEGORIES:
        known = ", ".join(sorted(CATEGORIES))
        problem = f"no category {text!r}" if name else "distribution needs a category"
        raise BadQuestion(f"{problem}; known are {known}")
    return name


_TOTALS = (
    "SELECT 1 AS is_total, '' AS value, coalesce(sum(environments), 0) AS count, count(*) AS installations"
    " FROM fact_installation WHERE {scope}"
)


def distribution(asked: ReportQueries) -> Figures:
    """How often each value of one category occurs, and in how many installations."""
    category = CATEGORIES[category_named(asked.question.of)]
    has_installations = category.name != "network-verification"
    if not has_installations:
        values = f"SELECT 0, value, count, NULL FROM ({VERIFICATIONS}) AS verified"  # noqa: S608 - names of ours
    elif category.name in _FROM_FACTS:
        table, value = _FROM_FACTS[category.name]
        values = (
            f"SELECT 0, {value}, count(*), count(DISTINCT fact.uid)"  # noqa: S608
            f" FROM {table} AS fact {INSTALLATION} WHERE {{ended}} GROUP BY {value}"
        )
    else:
        values = (
            "SELECT 0, value, sum(count), count(*) FROM fact_category"
            " WHERE category = :category AND {scope} GROUP BY value"
        )
    rows = asked.rows(f"{_TOTALS} UNION ALL {values}", category=category.name)
    for row in rows:
        row["count"] = int(row["count"])
    (whole,) = (row for row in rows if row["is_total"])
    rows = [row for row in rows if not row.pop("is_total")]
    if not has_installations:
        rows = [{"value": row["value"], "count": row["count"]} for row in rows]
    totals: Row = {"installations": whole["installations"], "clusters": whole["count"]}
    return Figures(totals, {"values": counted(rows)}, {"count": str(category.unit), "path": category.path})
