"""Reports on operations that ended in a span of days: deployments and network verifications."""

from telemetry_server.fuel.facts.values import UNKNOWN
from telemetry_server.fuel.reports.question import INSTALLATION, Figures, ReportQueries, Row, counted

MAX_SECONDS = 7 * 24 * 3600  # a longer deployment is invalid

# Top-level attempts: of an environment without a task "deploy" its parentless tasks "deployment".
_ATTEMPTS = f"""
candidates AS (
  SELECT fact.uid, fact.cluster_id, fact.external_id, fact.attempt, fact.status, fact.seconds, fact.ended_us,
    max(CASE WHEN fact.attempt = 'deploy' THEN 1 ELSE 0 END)
      OVER (PARTITION BY fact.uid, fact.cluster_id) AS has_deploy
  FROM fact_operation AS fact {INSTALLATION}
  WHERE fact.attempt IS NOT NULL AND {{ended}}
), attempts AS (
  SELECT * FROM candidates WHERE attempt = 'deploy' OR has_deploy = 0
)
"""  # noqa: S608 - names of ours
# Median: the mean of the two middle values.  90th percentile: by nearest rank.
_DEPLOYMENT_TIME = f"""
WITH {_ATTEMPTS}, ready AS (
  SELECT attempts.seconds, coalesce(cluster.release_version, '{UNKNOWN}') AS release,
    coalesce(cluster.mode, '{UNKNOWN}') AS mode,
    CASE WHEN attempts.seconds >= 0 AND attempts.seconds <= {MAX_SECONDS} THEN 1 ELSE 0 END AS is_valid
  FROM attempts LEFT JOIN fact_cluster AS cluster
    ON cluster.uid = attempts.uid AND cluster.cluster_id = attempts.cluster_id AND cluster.is_last
  WHERE attempts.status = 'ready'
), grouped AS (
  SELECT 'all' AS part, '' AS value, seconds, is_valid FROM ready
  UNION ALL SELECT 'release', release, seconds, is_valid FROM ready
  UNION ALL SELECT 'mode', mode, seconds, is_valid FROM ready
), ranked AS (
  SELECT part, value, is_valid, seconds,
    row_number() OVER (PARTITION BY part, value, is_valid ORDER BY seconds) AS place,
    count(*) OVER (PARTITION BY part, value, is_valid) AS size
  FROM grouped
)
SELECT part, value, count(CASE WHEN is_valid = 1 THEN 1 END) AS count,
  count(CASE WHEN is_valid = 0 THEN 1 END) AS invalid,
  avg(CASE WHEN is_valid = 1 THEN seconds END) AS mean,
  avg(CASE WHEN is_valid = 1 AND (place = (size + 1) / 2 OR place = (size + 2) / 2) THEN seconds END)
    AS median,
  max(CASE WHEN is_valid = 1 AND place = (9 * size + 9) / 10 THEN seconds END) AS p90,
  min(CASE WHEN is_valid = 1 THEN seconds END) AS min, max(CASE WHEN is_valid = 1 THEN seconds END) AS max
FROM ranked GROUP BY part, value
"""  # noqa: S608
# A success ends a series of errors; the first series has no success before it.
_FAILURES = f"""
WITH {_ATTEMPTS}, numbered AS (
  SELECT uid, cluster_id, CASE WHEN status = 'ready' THEN 1 ELSE 0 END AS is_ready,
    sum(CASE WHEN status = 'ready' THEN 1 ELSE 0 END) OVER (
      PARTITION BY uid, cluster_id ORDER BY ended_us, external_id ROWS UNBOUNDED PRECEDING
    ) AS ready_until
  FROM attempts
  WHERE status IN ('ready', 'error') AND cluster_id IS NOT NULL AND ended_us IS NOT NULL
), series AS (
  SELECT uid, cluster_id, ready_until - is_ready AS ready_before, max(is_ready) AS has_ready,
    count(*) - sum(is_ready) AS errors
  FROM numbered GROUP BY uid, cluster_id, ready_until - is_ready
)
SELECT CASE WHEN ready_before = 0 THEN 1 ELSE 0 END AS is_first, has_ready, errors, count(*) AS count
FROM series GROUP BY CASE WHEN ready_before = 0 THEN 1 ELSE 0 END, has_ready, errors
"""  # noqa: S608
VERIFICATIONS = f"""
WITH ranked AS (
  SELECT fact.uid, fact.cluster_id, fact.status,
    row_number() OVER (
      PARTITION BY fact.uid, fact.cluster_id ORDER BY fact.ended_us DESC, fact.external_id DESC
    ) AS place
  FROM fact_operation AS fact {INSTALLATION}
  WHERE fact.action_name = 'verify_networks' AND fact.action_type = 'nailgun_task'
    AND fact.ended_us IS NOT NULL AND {{ended}}
)
SELECT coalesce(ranked.status, 'never') AS value, count(*) AS count
FROM (SELECT uid, cluster_id FROM fact_cluster WHERE {{scope}}) AS cluster
LEFT JOIN ranked
  ON ranked.uid = cluster.uid AND ranked.cluster_id = cluster.cluster_id AND ranked.place = 1
GROUP BY coalesce(ranked.status, 'never')
"""  # noqa: S608
_NO_TIMES: Row = {
    "count": 0,
    "invalid": 0,
    "mean": None,
    "median": None,
    "p90": None,
    "min": None,
    "max": None,
}


def deployment_time(asked: ReportQueries) -> Figures:
    """How long successful deployments take, in seconds."""
    parts: dict[str, list[Row]] = {"all": [], "release": [], "mode": []}
    for row in asked.rows(_DEPLOYMENT_TIME):
        parts[row.pop("part")].append(row)
    whole = next(iter(parts.pop("all")), {"value": "", **_NO_TIMES})
    totals = {name: value for name, value in whole.items() if name != "value"}
    notes = {
        "unit": "seconds",
        "p90": "nearest rank",
        "median": "mean of the two middle values",
        "invalid": "without two moments, ended before the start, or longer than 7 days",
    }
    return Figures(totals, {name: counted(rows) for name, rows in parts.items()}, notes)


def failures_before_success(asked: ReportQueries) -> Figures:
    """How often a deployment fails before the first success, and before each success."""
    series = asked.rows(_FAILURES)
    first = [row for row in series if row["is_first"] and row["has_ready"]]
    every = [row for row in series if row["has_ready"]]
    never = sum(row["count"] for row in series if row["is_first"] and not row["has_ready"])
    table: list[Row] = [
        {"value": str(row["errors"]), "count": row["count"]}
        for row in sorted(first, key=lambda r: r["errors"])
    ]
    totals = {
        "environments": sum(row["count"] for row in first) + never,
        "never_succeeded": never,
        "average": _average(first),
        "average_every": _average(every),
    }
    return Figures(totals, {"failures": table})


def _average(series: list[Row]) -> float | None:
    count = sum(row["count"] for row in series)
    return sum(row["errors"] * row["count"] for row in series) / count if count else None


def network_verification(asked: ReportQueries) -> Figures:
    """Environments by the result of their last network verification."""
    rows = asked.rows(VERIFICATIONS)
    return Figures({"clusters": sum(row["count"] for row in rows)}, {"results": counted(rows)})
