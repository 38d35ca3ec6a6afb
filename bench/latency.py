"""The latency of two workers at 70 % of saturation, while the converter runs."""

import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.edge import our_server
from bench.load import Burst, burst
from bench.processes import stolen_seconds
from bench.report import Row
from histogram_specs.cache.revision_cache import RevisionCache
from telemetry_server.generator.definitions import Definitions, shipped_definitions
from telemetry_server.generator.stream import Recipe

SATURATION_SHARE = 0.7
CONNECTIONS = 32
MAX_P99_MS = 10.0
COMMIT = os.urandom(50_000)
# The host of a shared machine stops it for many ms at a time.  If it takes more, it determines p99.
LITTLE_STOLEN = 0.02
# A sync of a virtual disk may take longer than the goal; files in memory avoid that.
PLACES = {"on disk": Path(tempfile.gettempdir()), "in memory": Path("/dev/shm")}


@dataclass(frozen=True, slots=True)
class Round:
    """One burst, and the share of the cores that the host took meanwhile."""

    burst: Burst
    stolen_share: float
    sync_p99_ms: float  # of a bare append, just before: a request waits for a sync or two


def measure(quick: bool) -> list[Row]:
    """
    Return rows for a small body and for a ping, always with new ids, on disk and in memory.

    The small body is quarantined, which is cheap; the ping is stored.
    """
    definitions = shipped_definitions()
    (ping,) = Recipe(definitions).pings(1)
    bodies = {"2 KB": b"x" * 2_000, f"a ping, {len(ping.body) // 1000} KB": ping.body}
    return [
        _row(f"{what}, {where}", body, place, definitions, quick=quick)
        for where, place in list(PLACES.items())[: 1 if quick else None]
        if place.is_dir()
        for what, body in bodies.items()
    ]


def _row(what: str, body: bytes, where: Path, definitions: Definitions, *, quick: bool) -> Row:
    rounds, seconds = (1, 1) if quick else (15, 2)
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-", dir=where) as place:
        data = Path(place) / "data"
        RevisionCache(data / "specs").store(definitions.revision, definitions.text)
        with our_server(2, data, {"TELEMETRY_REVISION_OFFLINE": "true"}) as server:
            # After saturation the converter has enough work for all rounds.
            full = burst(server.port, body, seconds=seconds, connections=CONNECTIONS)
            rate = full.requests / full.seconds * SATURATION_SHARE
            calm = [_round(server.port, body, seconds, rate, Path(place)) for _ in range(rounds)]
    p99s = [c.burst.p99_ms for c in calm]
    ours_alone = [c.burst.p99_ms for c in calm if c.stolen_share <= LITTLE_STOLEN]
    reached = statistics.median(c.burst.requests / c.burst.seconds for c in calm)
    return Row(
        what=f"p99 at 70 % of saturation while converting, {what}",
        unit="ms",
        ours=statistics.median(p99s),
        yardstick="goal",
        theirs=MAX_P99_MS,
        ratio=statistics.median(p99s) / MAX_P99_MS,
        spread=(min(p99s) / MAX_P99_MS, max(p99s) / MAX_P99_MS),
        note=f"{reached:.0f} of {rate / SATURATION_SHARE:.0f} requests/s, "
        f"p50 {statistics.median(c.burst.p50_ms for c in calm):.1f} ms, "
        f"a bare append and sync there p99 {statistics.median(c.sync_p99_ms for c in calm):.1f} ms, "
        f"the host took {statistics.mean(c.stolen_share for c in calm):.0%} of the cores"
        + (
            f"; p99 {statistics.median(ours_alone):.1f} ms in the {len(ours_alone)} of {rounds} rounds"
            f" in which the host took at most {LITTLE_STOLEN:.0%}"
            if ours_alone
            else ""
        ),
    )


def _round(port: int, body: bytes, seconds: float, rate: float, where: Path) -> Round:
    cores = range(os.cpu_count() or 1)
    sync_p99_ms = _sync_p99_ms(where / "appended", seconds)
    stolen = stolen_seconds(cores)
    done = burst(port, body, seconds=seconds, connections=CONNECTIONS, requests_per_second=rate)
    return Round(done, (stolen_seconds(cores) - stolen) / done.seconds / len(cores), sync_p99_ms)


def _sync_p99_ms(path: Path, seconds: float) -> float:
    """Return the 99th percentile of appending as many bytes as a usual commit, and syncing them."""
    taken = []
    with path.open("wb", buffering=0) as file:
        start = now = time.perf_counter()
        while now - start < seconds:
            file.write(COMMIT)
            os.fdatasync(file.fileno())
            taken.append(-now + (now := time.perf_counter()))
    path.unlink()
    return sorted(taken)[int(len(taken) * 0.99)] * 1000
