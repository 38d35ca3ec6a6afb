"""The CPU time of the edge per request, compared with a bare aiohttp handler."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.error import URLError
from urllib.request import urlopen

from bench.load import Burst, burst
from bench.processes import cpu_seconds
from bench.report import Row
from telemetry_server.demo.temporary_server import TemporaryServer, free_port

SIZES_BYTES = (2_000, 20_000, 50_000)
CONNECTIONS = (32, 256)
WORKERS = (1, 2)
START_SECONDS = 10.0
ROUNDS, BURST_SECONDS = 5, 1.0
SHARED_MEMORY, MAX_USED_MIB = Path("/dev/shm"), 8192
DISCARDS, KEEPS = "bare aiohttp, discards", "bare aiohttp, same group commit"
PARSES = "bare httptools, append and sync on the loop"
OURS = "edge"
LANES = {f"{OURS}, fast lane": "true", f"{OURS}, no fast lane": "false"}


@dataclass(frozen=True, slots=True)
class Server:
    """The port of a server, and its first process."""

    pid: int
    port: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One burst at one server, and the CPU time of the server per request."""

    microseconds: float
    burst: Burst


@contextmanager
def bare_server(workers: int, keep_in: Path | None, *flags: str) -> Iterator[Server]:
    """Run a bare server that discards bodies, or stores them in *keep_in*."""
    port = free_port()
    words = [str(port), "--workers", str(workers), *flags]
    if keep_in is not None:
        words += ["--keep", str(keep_in)]
    process = subprocess.Popen([sys.executable, "-m", "bench.bare", *words])
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
        yield Server(process.pid, port)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def our_server(workers: int, data: Path, settings: dict[str, str], *flags: str) -> Iterator[Server]:
    """Run telemetry-server."""
    data.parent.mkdir(exist_ok=True)
    with TemporaryServer(data, {"TELEMETRY_WORKERS": str(workers)} | settings, flags) as server:
        yield Server(server.process.pid, server.port)


def sample(server: Server, body: bytes, seconds: float, connections: int) -> Sample:
    """Send one burst, and measure its cost for the server."""
    before = cpu_seconds(server.pid)
    done = burst(server.port, body, seconds=seconds, connections=connections)
    return Sample((cpu_seconds(server.pid) - before) * 1e6 / done.requests, done)


def use_free_memory() -> None:
    """
    Write to free memory once, and free it again.

    The host of a virtual machine provides a page of memory at the first write to it.  With files in new pages
    a request of 50 KB cost two to three times as much, with every server.
    """
    if not SHARED_MEMORY.is_dir():
        return
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next(line for line in lines if line.startswith("MemAvailable"))
    block = bytes(1 << 20)
    with tempfile.TemporaryFile(dir=SHARED_MEMORY) as file:
        for _ in range(min(MAX_USED_MIB, int(free.split()[1]) * 2 // 5 >> 10)):
            file.write(block)


def measure(quick: bool) -> list[Row]:
    """Return rows for each number of workers, connections and body size, from bursts in a random order."""
    rows: list[Row] = []
    if not quick:
        use_free_memory()
    for workers in WORKERS[:1] if quick else WORKERS:
        with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as place, ExitStack() as stack:
            folder = Path(place)
            servers = {
                DISCARDS: stack.enter_context(bare_server(workers, None)),
                KEEPS: stack.enter_context(bare_server(workers, folder / "bare")),
                PARSES: stack.enter_context(bare_server(workers, folder / "parser", "--parser-only")),
            }
            for number, (name, value) in enumerate(LANES.items()):
                settings = {"TELEMETRY_FAST_LANE": value}
                servers[name] = stack.enter_context(
                    our_server(workers, folder / str(number) / "data", settings, "--no-convert")
                )
            for connections in CONNECTIONS[:1] if quick else CONNECTIONS:
                for size in SIZES_BYTES[:1] if quick else SIZES_BYTES:
                    found = take_turns(servers, os.urandom(size), connections, rounds=1 if quick else ROUNDS)
                    rows += _rows(f"{size // 1000} KB, {connections} connections, {workers} workers", found)
    return rows


def take_turns(
    servers: dict[str, Server], body: bytes, connections: int, *, rounds: int
) -> dict[str, list[Sample]]:
    """Send bursts of a second to each of *servers* in turn; return those of each, by round."""
    for server in servers.values():
        sample(server, body, BURST_SECONDS, connections)
    found: dict[str, list[Sample]] = {name: [] for name in servers}
    # In a fixed order each server would pay for the writing back of the same other one's bytes.
    order, chance = list(servers), Random(1)
    for _ in range(rounds):
        chance.shuffle(order)
        for name in order:
            os.sync()
            found[name].append(sample(servers[name], body, BURST_SECONDS, connections))
    return found


def _rows(what: str, found: dict[str, list[Sample]]) -> Iterator[Row]:
    for ours, samples in found.items():
        if not ours.startswith(OURS):
            continue
        for yardstick in (KEEPS, PARSES, DISCARDS):
            ratios = [o.microseconds / b.microseconds for o, b in zip(samples, found[yardstick], strict=True)]
            per_second = statistics.median(s.burst.requests / s.burst.seconds for s in samples)
            p99 = statistics.median(s.burst.p99_ms for s in samples)
            yield Row(
                what=f"{ours}, {what}",
                unit="CPU µs per request",
                ours=statistics.median(s.microseconds for s in samples),
                yardstick=yardstick,
                theirs=statistics.median(s.microseconds for s in found[yardstick]),
                ratio=statistics.median(ratios),
                spread=(min(ratios), max(ratios)),
                note=f"{per_second:.0f}/s, p99 {p99:.1f} ms",
            )
