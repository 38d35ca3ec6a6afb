"""What the pages cost: CPU of the reports for an answer, beside that of /api/v1/status, and their memory."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

from bench.backlog import submissions
from bench.data_roots import fill
from bench.processes import family, shared_out_bytes
from bench.report import Row, goal_row, paired_row
from bench.reports import SETTINGS, WITH_REPORTS, parent_of, reports_url, wait_until_idle
from bench.tables import METRIC
from telemetry_server.demo.temporary_server import TemporaryServer, bare_environment
from telemetry_server.generator.payloads import Layout
from telemetry_server.reports.server import LOWEST_PRIORITY
from telemetry_server.reports.shared_answers import MAX_FRESH_SECONDS

ROUNDS = 8
GIVE_UP_SECONDS = 300.0
YARDSTICK = "/api/v1/status"
MAX_RATIO, MAX_RATIO_OF_PROBES, MAX_MIB = 3.0, 6.0, 250.0
PAGES = (
    *(
        "/",
        "/?last=30d",
        "/pings",
        "/quarantine",
        "/quarantine?by=hour",
        "/drift",
        "/stores",
        "/sql",
        "/users",
    ),
    *("/clients", "/normandy"),
)
PROBE_PAGES = ("/probes", f"/probes/{METRIC}", f"/probes/{METRIC}?by=day")
LEAST_MS = 0.01


def measure(quick: bool, big: int = 10_000) -> list[Row]:
    """
    Rows for each page, and for the memory of the reports after all of them.

    Args:
        big: Main pings of 90 KB, which belong to a store.
    """
    count, rounds = (200, 1) if quick else (big, ROUNDS)
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as place:
        data = Path(place) / "data"
        fill(data, submissions(Layout.UNIFIED), count)
        words = [sys.executable, "-m", "telemetry_server", "convert", "--data", str(data)]
        subprocess.run(words, env=bare_environment() | SETTINGS, check=True, capture_output=True)
        with TemporaryServer(data, WITH_REPORTS) as server:
            url, pid = reports_url(server), _reports_pid(server)
            wait_until_idle(server)  # until the sums are up to date after the start
            targets = (YARDSTICK, *PAGES, *PROBE_PAGES)
            first = {target: _cost_ms(url, pid, target) for target in targets}
            costs: dict[str, list[float]] = {target: [] for target in targets}
            for _ in range(rounds):
                for target in targets:
                    time.sleep(0.0 if quick else MAX_FRESH_SECONDS)  # or the answer would be shared
                    costs[target].append(_cost_ms(url, pid, target))
            memory = sum(shared_out_bytes(each) for each in family(pid)) / 2**20
    note = "the reports and their query processes, after all of these pages"
    return [
        *(_row(page, costs[page], costs[YARDSTICK], first[page], count) for page in PAGES + PROBE_PAGES),
        goal_row("memory of the reports", "MiB, PSS", [memory], MAX_MIB, note),
    ]


def _row(page: str, ours: list[float], theirs: list[float], first: float, count: int) -> Row:
    bar = MAX_RATIO_OF_PROBES if page in PROBE_PAGES else MAX_RATIO
    note = f"asked for: at most {bar:g}; {count} pings of 90 KB; the first answer {first:.0f} ms"
    pairs = list(zip(ours, theirs, strict=True))
    return paired_row(f"CPU of {page.replace(METRIC, '<name>')}", "ms", pairs, YARDSTICK, note)


def _reports_pid(server: TemporaryServer) -> int:
    (found,) = [
        pid
        for pid in family(server.process.pid)[1:]
        if os.getpriority(os.PRIO_PROCESS, pid) == LOWEST_PRIORITY and parent_of(pid) == server.process.pid
    ]
    return found


def _cost_ms(url: str, pid: int, target: str) -> float:
    """Return the CPU time that the reports took for one answer, their query processes included."""
    before = _running_ms(pid)
    with urlopen(url + target, timeout=GIVE_UP_SECONDS) as answer:
        answer.read()
    return max(LEAST_MS, _running_ms(pid) - before)


def _running_ms(pid: int) -> float:
    """Return for how long the threads of *pid* and of its children have run (proc(5), schedstat: in ns)."""
    total = 0
    for member in family(pid):
        for thread in Path(f"/proc/{member}/task").glob("*/schedstat"):
            try:
                total += int(thread.read_text().split()[0])
            except (OSError, IndexError):
                continue  # it has ended
    return total / 1e6
