"""Aggregates: what they cost beside conversion, when a few pings come, and when they are asked."""

import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bench.data_roots import Run, convert, fill, run
from bench.report import Row, paired_row
from bench.table_pings import big_submissions
from bench.tables import METRIC, QUERY_ROUNDS
from storage.raw.submission import Submission
from telemetry_server.aggregates.follower import MODULE

# Builds of generated pings are of the year before: later arrivals are left out of answers.
ARRIVED = datetime(2013, 5, 1, 12, tzinfo=UTC)
NEW_PINGS = 100
_SQL = (
    "select substr(build_id, 1, 8) as build, shape, merge(starts, counts) as histogram, sum(sum) as sum"
    f" from histograms where metric = '{METRIC}' group by all order by all"
)


def measure(quick: bool, big: int = 10_000) -> list[Row]:
    """
    Rows for building, for a few new pings, for one question, and for memory.

    Args:
        big: How many pings of 90 KB.
    """
    rounds = QUERY_ROUNDS
    if quick:
        big, rounds = 64, 1
    source = big_submissions(big + big // 10 + NEW_PINGS, at=ARRIVED)
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as name:
        folder = Path(name)
        small = folder / "small"
        fill(small, source, big // 10)
        convert(small, tables=True)
        data = folder / "data"
        fill(data, source, big)
        conversion = convert(data, tables=True)
        few, building = aggregate(small), aggregate(data)
        return [
            paired_row(
                f"building aggregates, {big} pings, 90 KB",
                "CPU s, all in",
                [(building.cpu_seconds, conversion.cpu_seconds)],
                "conversion",
                "asked for: at most 0.35",
            ),
            _more(data, source, building),
            _question(data, rounds),
            paired_row(
                "memory of building, ten times the pings",
                "MiB",
                [(building.peak_mib, few.peak_mib)],
                f"of {big // 10} pings",
                "asked for: flat",
            ),
        ]


def _more(data: Path, source: Iterator[Submission], building: Run) -> Row:
    fill(data, source, NEW_PINGS)
    convert(data, tables=True)
    return paired_row(
        f"aggregates of {NEW_PINGS} more pings on that day",
        "CPU s, all in",
        [(aggregate(data).cpu_seconds, building.cpu_seconds)],
        "building",
        "asked for: at most 0.05",
    )


def _question(data: Path, rounds: int) -> Row:
    ours = [sys.executable, "-m", "telemetry_server", "histogram", METRIC, "--json", "--data", str(data)]
    theirs = [sys.executable, "-m", "telemetry_server", "sql", "--data", str(data), _SQL]
    run(ours)
    pairs = [(run(ours).cpu_seconds, run(theirs).cpu_seconds) for _ in range(rounds)]
    return paired_row("one histogram by build", "CPU s, all in", pairs, "sql", "asked for: at most 0.5")


def aggregate(data: Path) -> Run:
    """Bring the aggregates of *data* up to date, in a process as the server starts it."""
    return run([sys.executable, "-m", MODULE, str(data)])
