"""The edge, durable, beside a bare handler that discards: requests per second of CPU."""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from bench.load import Burst, burst
from bench.processes import cpu_seconds
from bench.report import Row
from telemetry_server.cli.throwaway import ThrowawayServer, free_port

SIZES_BYTES = (2_000, 50_000)
START_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One burst at one server."""

    requests_per_cpu_second: float
    burst: Burst


@contextmanager
def bare_server() -> Iterator[tuple[int, int]]:
    """The yardstick; yields its process and its port."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.discard", str(port)])
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with urlopen(f"http://127.0.0.1:{port}/__heartbeat__", timeout=1):
                    break
            except URLError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait()


class _Ids:
    """Every request of a run has an id of its own."""

    def __init__(self) -> None:
        self._next = 1

    def take(self, count: int) -> int:
        first = self._next
        self._next += count
        return first


def sample(pid: int, port: int, body: bytes, requests: int, ids: _Ids) -> Sample:
    """One burst, and what it cost the server."""
    before = cpu_seconds(pid)
    done = asyncio.run(burst(port, body, requests, ids.take(requests)))
    return Sample(requests / max(cpu_seconds(pid) - before, 0.001), done)


def measure(quick: bool) -> list[Row]:
    """A row for each size of body, from bursts that take turns."""
    rounds, seconds_of_work = (3, 1) if quick else (7, 4)
    rows = []
    ids = _Ids()
    with (
        tempfile.TemporaryDirectory(prefix="telemetry-bench-") as folder,
        bare_server() as (bare_pid, bare_port),
        ThrowawayServer(Path(folder) / "data", {"TELEMETRY_WORKERS": "1"}, ("--no-convert",)) as server,
    ):
        for size in SIZES_BYTES:
            body = os.urandom(size)
            requests = seconds_of_work * (3_000 if size < 10_000 else 1_500)
            sample(bare_pid, bare_port, body, requests // 3, ids)
            sample(server.process.pid, server.port, body, requests // 3, ids)
            ours, bare = [], []
            for _ in range(rounds):
                bare.append(sample(bare_pid, bare_port, body, requests, ids))
                ours.append(sample(server.process.pid, server.port, body, requests, ids))
            rows.append(_row(size, ours, bare))
    return rows


def _row(size: int, ours: list[Sample], bare: list[Sample]) -> Row:
    # CPU per request, so that more than 1 means that ours costs more.
    ratios = [b.requests_per_cpu_second / o.requests_per_cpu_second for o, b in zip(ours, bare, strict=True)]
    p99 = statistics.median(s.burst.latencies_ms[int(s.burst.requests * 0.99)] for s in ours)
    return Row(
        what=f"edge, durable, {size // 1000} KB",
        unit="requests per CPU s",
        ours=statistics.median(s.requests_per_cpu_second for s in ours),
        yardstick="bare aiohttp, discards",
        theirs=statistics.median(s.requests_per_cpu_second for s in bare),
        ratio=statistics.median(ratios),
        spread=(min(ratios), max(ratios)),
        note=f"p99 {p99:.1f} ms",
    )
