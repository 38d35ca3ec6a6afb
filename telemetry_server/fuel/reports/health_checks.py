"""The report on health checks: how often each test fails."""

from math import sqrt

from telemetry_server.fuel.reports.question import INSTALLATION, Figures, ReportQueries, Row

MIN_RUNS = 20  # below that a ratio says little
Z = 1.959963984540054  # of a 95 % interval


def health_checks(asked: ReportQueries) -> Figures:
    """Tests of deployed environments, the one that fails most often first."""
    rows = asked.rows(
        f"SELECT fact.test AS value, count(*) AS runs,"  # noqa: S608 - names of ours
        f" count(CASE WHEN fact.status = 'failure' THEN 1 END) AS failures,"
        f" count(CASE WHEN fact.status = 'error' THEN 1 END) AS errors,"
        f" count(CASE WHEN fact.status = 'skipped' THEN 1 END) AS skipped,"
        f" count(DISTINCT fact.uid) AS installations"
        f" FROM fact_ostf_result AS fact {INSTALLATION} WHERE {{ended}} GROUP BY fact.test"
    )
    tests = [_with_ratio(row) for row in rows]
    tests.sort(
        key=lambda row: (
            row["runs"] < MIN_RUNS,
            row["ratio"] is None,
            -(row["ratio"] or 0.0),
            -row["runs"],
            row["value"],
        )
    )
    notes = {
        "ratio": "failures of the runs that were not skipped, with its 95 % Wilson interval",
        "order": f"tests with fewer than {MIN_RUNS} runs come last",
    }
    return Figures({}, {"tests": tests}, notes)


def _with_ratio(row: Row) -> Row:
    executed = row["runs"] - row["skipped"]
    low, high = wilson(row["failures"], executed)
    ratio = row["failures"] / executed if executed else None
    counts = {name: row[name] for name in ("value", "runs", "failures", "errors", "skipped")}
    return {**counts, "ratio": ratio, "low": low, "high": high, "installations": row["installations"]}


def wilson(hits: int, size: int) -> tuple[float | None, float | None]:
    """Return the 95 % Wilson score interval of *hits* of *size*."""
    if not size:
        return None, None
    share = hits / size
    middle = share + Z * Z / (2 * size)
    half = Z * sqrt(share * (1 - share) / size + Z * Z / (4 * size * size))
    scale = 1 + Z * Z / size
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)
