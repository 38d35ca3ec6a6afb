"""What the reports cost those who submit and convert: readers poll, and pings come meanwhile."""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from urllib.request import urlopen

from bench.backlog import submissions
from bench.data_roots import fill
from bench.load import burst
from bench.page_readers import PAGES, PAUSE_SECONDS, READERS
from bench.processes import cpu_seconds, family, shared_out_bytes
from bench.report import Row, goal_row, paired_row
from bench.stored import stored_records, wait_until_stored
from storage.raw.submission import Submission
from telemetry_server.demo.temporary_server import TemporaryServer, bare_environment
from telemetry_server.reports.server import LOWEST_PRIORITY

PINGS = 20_000
WORKERS = 2
CONNECTIONS = 32
SATURATION_SHARE = 0.7
GIVE_UP_SECONDS = 120.0
MAX_P99_RATIO, MIN_CONVERSION_RATIO, MAX_MIB_AT_REST = 1.25, 0.93, 80.0
MAX_MIB = 250.0
IDLE_CPU_SHARE = 0.1
REST_SECONDS = 40.0  # query processes end after 30 s without a question
SETTINGS = {"TELEMETRY_WORKERS": str(WORKERS), "TELEMETRY_REVISION_OFFLINE": "true"}
WITH_REPORTS = SETTINGS | {"TELEMETRY_REPORTS_PORT": "0"}


@dataclass(frozen=True, slots=True)
class Round:
    """One burst at one server."""

    p99_ms: float
    converted_per_second: float  # from its begin until the last record is stored
    answers: int  # to readers, meanwhile
    cpu_ms: float  # of the edge and of conversion, per ping
    reports_cpu_ms: float  # of the reports and of their queries, per ping
    reports_mib: float  # memory of the reports and of their queries, at the end


class Readers:
    """Readers in a process that is started before anything is measured.  Use it with ``with``."""

    def __init__(self, url: str) -> None:
        words = [sys.executable, "-m", "bench.page_readers", url]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> "Readers":
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.communicate(timeout=GIVE_UP_SECONDS)

    def turn(self) -> None:
        """Begin to poll, or stop."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()

    def answers(self) -> int:
        """Stop; return the number of answers."""
        self.turn()
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


def measure(quick: bool, big: int = PINGS) -> list[Row]:
    """
    Rows for the delay of submits, for conversion, and for memory.

    Args:
        big: Pings of 90 KB that are stored before.
    """
    count, rounds, seconds = (200, 1, 1) if quick else (big, 15, 2)
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as place:
        data = Path(place) / "with" / "data"
        fill(data, _one_after_the_other(count), count)
        words = [sys.executable, "-m", "telemetry_server", "convert", "--data", str(data)]
        subprocess.run(words, env=bare_environment() | SETTINGS, check=True, capture_output=True)
        without = Path(place) / "without" / "data"
        shutil.copytree(data, without)
        rest_seconds = 2.0 if quick else REST_SECONDS
        memory = _memory_at_rest(data, rest_seconds) - _memory_at_rest(
            without, rest_seconds, with_reports=False
        )
        pairs = list(_pairs(data, without, rounds, seconds))
    note = (
        f"{count} pings of 90 KB; {READERS} readers, one question each {PAUSE_SECONDS} s,"
        f" {statistics.median(ours.answers for ours, _ in pairs):.0f} answers in a round; {rounds} rounds"
    )
    return [
        paired_row(
            "p99 of submits at 70 % of saturation, readers polling",
            "ms",
            [(ours.p99_ms, theirs.p99_ms) for ours, theirs in pairs],
            "--no-reports",
            f"asked for: at most {MAX_P99_RATIO}; {note}",
        ),
        paired_row(
            "conversion meanwhile",
            "pings per s",
            [(ours.converted_per_second, theirs.converted_per_second) for ours, theirs in pairs],
            "--no-reports",
            f"asked for: at least {MIN_CONVERSION_RATIO}",
        ),
        paired_row(
            "CPU of edge and conversion, readers polling",
            "ms per ping",
            [(ours.cpu_ms, theirs.cpu_ms) for ours, theirs in pairs],
            "--no-reports",
            f"the reports took {statistics.median(ours.reports_cpu_ms for ours, _ in pairs):.2f} ms more,"
            " at the lowest priority",
        ),
        goal_row(
            "memory of the reports, readers polling",
            "MiB, PSS",
            [ours.reports_mib for ours, _ in pairs],
            MAX_MIB,
            "the reports and their query processes, at the end of each round",
        ),
        goal_row(
            "memory that the reports add at rest", "MiB, PSS of all processes", [memory], MAX_MIB_AT_REST
        ),
    ]


def _one_after_the_other(count: int) -> Iterator[Submission]:
    """Yield *count* pings that came within the last minutes, each at a moment of its own."""
    now = datetime.now(UTC)
    for number, each in enumerate(islice(submissions(), count)):
        yield replace(each, received_at=now - timedelta(milliseconds=10 * (count - number)))


def _memory_at_rest(data: Path, rest_seconds: float, *, with_reports: bool = True) -> float:
    """Return the MiB that a server has a while after its last answer."""
    with TemporaryServer(data, WITH_REPORTS if with_reports else SETTINGS) as server:
        if with_reports:
            for page in PAGES:
                urlopen(reports_url(server) + page, timeout=GIVE_UP_SECONDS).close()
        time.sleep(rest_seconds)
        return sum(shared_out_bytes(pid) for pid in family(server.process.pid)) / 2**20


def _pairs(data: Path, without: Path, rounds: int, seconds: float) -> Iterator[tuple[Round, Round]]:
    body = next(submissions()).body
    with ExitStack() as stack:
        ours = stack.enter_context(TemporaryServer(data, WITH_REPORTS))
        theirs = stack.enter_context(TemporaryServer(without, SETTINGS))
        readers = stack.enter_context(Readers(reports_url(ours)))
        full = burst(theirs.port, body, seconds=seconds, connections=CONNECTIONS)
        rate = full.requests / full.seconds * SATURATION_SHARE
        polled = partial(_round, ours, body, seconds, rate, readers)
        alone = partial(_round, theirs, body, seconds, rate, None)
        wait_until_idle(ours)
        polled()
        for number in range(rounds):
            # Each goes first as often as the other.
            wait_until_idle(theirs, ours)
            first = polled() if number % 2 else alone()
            wait_until_idle(theirs, ours)
            second = alone() if number % 2 else polled()
            yield (first, second) if number % 2 else (second, first)


def _round(
    server: TemporaryServer, body: bytes, seconds: float, rate: float, readers: Readers | None
) -> Round:
    before = stored_records(server.data)
    begin, cpu = time.monotonic(), _cpu_seconds(server)
    if readers is not None:
        readers.turn()
    sent = burst(server.port, body, seconds=seconds, connections=CONNECTIONS, requests_per_second=rate)
    wait_until_stored(server.data, before + sent.requests, within_seconds=GIVE_UP_SECONDS)
    taken = time.monotonic() - begin
    others, reports = (
        (after - before) * 1000 / sent.requests
        for after, before in zip(_cpu_seconds(server), cpu, strict=True)
    )
    memory = sum(shared_out_bytes(pid) for pid in _reports_family(server)) / 2**20
    answers = 0 if readers is None else readers.answers()
    return Round(sent.p99_ms, sent.requests / taken, answers, others, reports, memory)


def _cpu_seconds(server: TemporaryServer) -> tuple[float, float]:
    """Return the CPU time of the edge and of conversion, and that of the reports."""
    whole = cpu_seconds(server.process.pid)
    reports = sum(cpu_seconds(pid, alone=True) for pid in _reports_family(server))
    return whole - reports, reports


def _reports_family(server: TemporaryServer) -> list[int]:
    """Return the processes of the reports of *server*; none without them."""
    return [
        member
        for pid in family(server.process.pid)[1:]
        if os.getpriority(os.PRIO_PROCESS, pid) == LOWEST_PRIORITY and parent_of(pid) == server.process.pid
        for member in family(pid)
    ]


def parent_of(pid: int) -> int:
    """Return the process that started *pid*."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def wait_until_idle(*servers: TemporaryServer) -> None:
    """Return when nothing waits for conversion, and no aggregates are updated."""
    for server in servers:
        last = -1
        while (now := stored_records(server.data)) != last:
            last = now
            time.sleep(2.0)
        while True:
            before = cpu_seconds(server.process.pid)
            time.sleep(1.0)
            if cpu_seconds(server.process.pid) - before < IDLE_CPU_SHARE:
                break


def _log(server: TemporaryServer) -> bytes:
    return (server.data.parent / "server.log").read_bytes()


def reports_url(server: TemporaryServer) -> str:
    """Return the address of the reports of *server*, as soon as it has printed it."""
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while (found := re.search(rb"reports: +(http://\S+)/\n", _log(server))) is None:
        if time.monotonic() > deadline:
            raise TimeoutError("the reports did not start")
        time.sleep(0.1)
    return found[1].decode()
