"""A large data root: the start of a server on it, what `audit` costs there, and the memory of a server."""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from http.client import HTTPConnection, HTTPException
from itertools import cycle, islice
from pathlib import Path
from random import Random
from urllib.request import urlopen

import orjson

from bench.commands import run
from bench.data_roots import fill
from bench.load import burst
from bench.page_readers import PAGES
from bench.processes import cpu_seconds, family, shared_out_bytes
from bench.report import Row, goal_row, paired_row
from bench.reports import WITH_REPORTS, reports_url
from bench.table_pings import small_submissions
from storage.raw.submission import Submission
from telemetry_server.demo.temporary_server import TemporaryServer
from telemetry_server.generator.payloads import uuid_of

PINGS = 1_000_000
DIFFERENT_BODIES = 512
START_GOAL_SECONDS, ASK_AGAIN_SECONDS, GIVE_UP_SECONDS = 0.5, 0.002, 60.0
REST_GOAL_MIB, LOAD_GOAL_MIB, AUDIT_GOAL_MIB = 250.0, 450.0, 150.0
PINGS_PER_SECOND, CONNECTIONS = 500, 32
REST_SECONDS = 40.0  # query processes end after 30 s without a question
IDLE_CPU_SHARE, BUSY_SECONDS = 0.1, 900.0  # aggregates of a new root take minutes
IDLE_SECONDS = 10  # they begin a few seconds after the start
AS_INSTALLED = WITH_REPORTS | {"PYTHONDONTWRITEBYTECODE": ""}  # modules are compiled once
LOOK_SECONDS = 0.25
READ_BYTES = 1 << 20
BODY = b'{"ver": 1}'


def measure(quick: bool, pings: int = PINGS) -> list[Row]:
    """Rows for the start, for `audit`, and for memory at rest and under load."""
    count, rounds = (2000, 1) if quick else (pings, 5)
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as place:
        large, empty = Path(place) / "large" / "data", Path(place) / "empty" / "data"
        for data, size in ((large, count), (empty, 0)):
            fill(data, _small_pings(), size)
            run(_command("convert", data), WITH_REPORTS)
        starts = [(_start(large), _start(empty)) for _ in range(rounds)]
        audits, audits_from_memory = [], []
        for _ in range(min(rounds, 3)):
            audits.append((_audit(large, _forget_pages), _reading(large, _forget_pages)))
            # What was read a moment ago is in memory, if there is enough.
            audits_from_memory.append((_audit(large), _reading(large)))
        rest, load = _memory(large, quick=quick)
    return [
        goal_row(
            f"start of serve to its first 200, {count} pings",
            "s",
            [seconds for (seconds, _), _ in starts],
            START_GOAL_SECONDS,
            f"an empty data root: {min(seconds for _, (seconds, _) in starts):.2f} s;"
            f" CPU {min(cpu for (_, cpu), _ in starts):.2f} and {min(cpu for _, (_, cpu) in starts):.2f} s",
        ),
        paired_row(
            f"audit of {count} pings, from the disk",
            "s",
            [(seconds, read) for (seconds, _, _), (read, _) in audits],
            "reading the same files from the disk",
            f"{min(cpu for (_, cpu, _), _ in audits) / count * 1e6:.1f} CPU µs a ping;"
            f" {audits[0][1][1] / 2**20:.0f} MiB of files",
        ),
        paired_row(
            f"audit of {count} pings, from the page cache",
            "s",
            [(seconds, read) for (seconds, _, _), (read, _) in audits_from_memory],
            "reading the same files from the page cache",
        ),
        goal_row(
            "memory of audit",
            "MiB, the largest process",
            [peak for (_, _, peak), _ in audits],
            AUDIT_GOAL_MIB,
        ),
        goal_row("memory of serve at rest", "MiB, PSS of all processes", [rest], REST_GOAL_MIB),
        goal_row(
            f"memory of serve at {PINGS_PER_SECOND} pings/s",
            "MiB, PSS of all processes, largest sum",
            [load],
            LOAD_GOAL_MIB,
        ),
    ]


def _command(*words: str | Path) -> list[str]:
    name, data, *rest = map(str, words)
    return [sys.executable, "-m", "telemetry_server", name, "--data", data, *rest]


def _small_pings() -> Iterator[Submission]:
    """Yield Glean pings of 1 KB without end: some bodies repeated, each time with a new id."""
    bodies = [
        replace(each, body=_without_distributions(each.body))
        for each in islice(small_submissions(), DIFFERENT_BODIES)
    ]
    chance = Random(3)
    for each in cycle(bodies):
        yield replace(each, path=f"/submit/org-example-app/metrics/1/{uuid_of(chance)}")


def _without_distributions(body: bytes) -> bytes:
    """Return the ping with counters and without histograms, which is a usual size."""
    ping = orjson.loads(body)
    for kind in ("timing_distribution", "memory_distribution"):
        del ping["metrics"][kind]
    return orjson.dumps(ping)


def _start(data: Path) -> tuple[float, float]:
    """Return the seconds from the start of a server to its first 200, and its CPU time until then."""
    server = TemporaryServer(data, AS_INSTALLED)
    found: list[tuple[float, float]] = []
    asking = threading.Thread(target=lambda: found.append(_first_answer(server)))
    asking.start()
    with server:
        asking.join()
    return found[0]


def _first_answer(server: TemporaryServer) -> tuple[float, float]:
    begin = time.monotonic()
    while time.monotonic() - begin < GIVE_UP_SECONDS:
        with suppress(OSError, HTTPException):
            connection = HTTPConnection("127.0.0.1", server.port, timeout=GIVE_UP_SECONDS)
            connection.request("POST", f"/submit/telemetry/{uuid_of(Random())}", BODY)
            if connection.getresponse().status == 200:
                return time.monotonic() - begin, cpu_seconds(server.process.pid)
        time.sleep(ASK_AGAIN_SECONDS)
    raise TimeoutError("the server did not answer")


def _audit(data: Path, prepare: Callable[[Path], None] = lambda _: None) -> tuple[float, float, float]:
    """Return the seconds, the CPU time and the memory in MiB of `audit`, after *prepare*."""
    prepare(data)
    begin = time.monotonic()
    done = run(_command("audit", data, "--json"), WITH_REPORTS)
    return time.monotonic() - begin, done.cpu_seconds, done.peak_mib


def _reading(data: Path, prepare: Callable[[Path], None] = lambda _: None) -> tuple[float, int]:
    """Return the seconds that reading every file takes after *prepare*, and their bytes."""
    prepare(data)
    begin, size = time.monotonic(), 0
    for path in _files(data):
        with path.open("rb", buffering=0) as file:
            while part := file.read(READ_BYTES):
                size += len(part)
    return time.monotonic() - begin, size


def _forget_pages(data: Path) -> None:
    """Remove the files from the page cache of the kernel."""
    for path in _files(data):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _files(data: Path) -> list[Path]:
    """Return the files that `audit` reads: those in raw/, converted/ and quarantine/."""
    folders = (data / "raw", data / "converted", data / "quarantine")
    return sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())


def _memory(data: Path, *, quick: bool) -> tuple[float, float]:
    """Return the MiB of a server a while after its last answer, and the most at a steady rate."""
    body = next(small_submissions()).body
    with TemporaryServer(data, AS_INSTALLED) as server:
        for page in PAGES:
            urlopen(reports_url(server) + page, timeout=GIVE_UP_SECONDS).close()
        _wait_until_idle(server)
        time.sleep(1.0 if quick else REST_SECONDS)
        at_rest = _pss_mib(server)
        seen = [at_rest]
        is_over = threading.Event()

        def look() -> None:
            while not is_over.wait(LOOK_SECONDS):
                seen.append(_pss_mib(server))

        looking = threading.Thread(target=look)
        looking.start()
        burst(
            server.port,
            body,
            seconds=1 if quick else 20,
            connections=CONNECTIONS,
            requests_per_second=PINGS_PER_SECOND,
        )
        is_over.set()
        looking.join()
    return at_rest, max(seen)


def _wait_until_idle(server: TemporaryServer) -> None:
    """Return when all pings are converted and summed."""
    deadline = time.monotonic() + BUSY_SECONDS
    idle_seconds = 0
    while idle_seconds < IDLE_SECONDS:
        before = cpu_seconds(server.process.pid)
        time.sleep(1.0)
        is_idle = cpu_seconds(server.process.pid) - before < IDLE_CPU_SHARE
        idle_seconds = idle_seconds + 1 if is_idle else 0
        if time.monotonic() > deadline:
            raise TimeoutError("the server is never idle")


def _pss_mib(server: TemporaryServer) -> float:
    return sum(shared_out_bytes(pid) for pid in family(server.process.pid)) / 2**20
