"""Aggregates: what they cost beside conversion, when a few pings come, and when they are asked."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.commands import run
from bench.data_roots import convert, fill
from bench.processes import peak_bytes
from bench.report import Row, paired_row
from bench.table_pings import big_submissions
from bench.tables import METRIC, QUERY_ROUNDS
from storage.raw.submission import Submission
from telemetry_server.aggregates.follower import MODULE
from telemetry_server.demo.temporary_server import bare_environment

# Builds of generated pings are of the year before: later arrivals are left out of answers.
ARRIVED = datetime(2013, 5, 1, 12, tzinfo=UTC)
NEW_PINGS = 100
_SQL = (
    "select substr(build_id, 1, 8) as build, shape, merge(starts, counts) as histogram, sum(sum) as sum"
    f" from histograms where metric = '{METRIC}' group by all order by all"
)


@dataclass(frozen=True, slots=True)
class Used:
    """What an update process used in all."""

    cpu_seconds: float
    peak_mib: float


def measure(quick: bool, big: int = 10_000) -> list[Row]:
    """
    Rows for building, for a few new pings, for one question, and for memory.

    Args:
        big: How many pings of 90 KB.
    """
    rounds = QUERY_ROUNDS
    if quick:
        big, rounds = 64, 1
    source = big_submissions(big + big // 10 + 2 * NEW_PINGS, at=ARRIVED)
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


def _more(data: Path, source: Iterator[Submission], building: Used) -> Row:
    process = UpdateProcess(data)
    used = []
    for _ in range(2):  # the first one imports what updates need
        fill(data, source, NEW_PINGS)
        convert(data, tables=True)
        used.append(process.update())
    process.end()
    return paired_row(
        f"aggregates of {NEW_PINGS} more pings on that day",
        "CPU s, the process runs",
        [(used[1] - used[0], building.cpu_seconds)],
        "building",
        "asked for: at most 0.05",
    )


def _question(data: Path, rounds: int) -> Row:
    ours = [sys.executable, "-m", "telemetry_server", "histogram", METRIC, "--json", "--data", str(data)]
    theirs = [sys.executable, "-m", "telemetry_server", "sql", "--data", str(data), _SQL]
    run(ours)
    pairs = [(run(ours).cpu_seconds, run(theirs).cpu_seconds) for _ in range(rounds)]
    return paired_row("one histogram by build", "CPU s, all in", pairs, "sql", "asked for: at most 0.5")


class UpdateProcess:
    """The process that updates the aggregates of one data root, as the server starts it."""

    def __init__(self, data: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", MODULE, str(data)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=bare_environment(),
        )

    def update(self) -> float:
        """
        Run one update; return the CPU time that the process has used since its start.

        Raises:
            RuntimeError: The update failed.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer or json.loads(answer)["error"] is not None:
            raise RuntimeError(f"the aggregates were not updated: {answer!r}")
        # It runs, or has ended and was not waited for: its CPU clock can be read.
        return time.clock_gettime(_cpu_clock_of(self._process.pid))

    def end(self) -> Used:
        """End the process; return what it used in all."""
        # Not ru_maxrss: it keeps the peak of this process, which started the other.
        peak_mib = peak_bytes(self._process.pid) / 2**20
        assert self._process.stdin is not None
        self._process.stdin.close()
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        return Used(usage.ru_utime + usage.ru_stime, peak_mib)


def _cpu_clock_of(pid: int) -> int:
    """Return the number of the CPU clock of the process *pid* (Linux: clock_getcpuclockid(3))."""
    return (~pid << 3) | 2


def aggregate(data: Path) -> Used:
    """Bring the aggregates of *data* up to date in a new process."""
    process = UpdateProcess(data)
    process.update()
    return process.end()
