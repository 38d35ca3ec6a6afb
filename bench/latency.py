"""How long answers take at a share of saturation, of two workers, while what they keep is converted."""

import os
import statistics
import tempfile
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
# What a shared machine's host takes comes in stops of many ms: with more of it, p99 is the host's.
LITTLE_STOLEN = 0.02
# A virtual disk may stop for longer than the bar at any sync; files in memory have no such moments.
PLACES = {"on disk": Path(tempfile.gettempdir()), "in memory": Path("/dev/shm")}


@dataclass(frozen=True, slots=True)
class Round:
    """One burst, and the share of the cores that the host of this machine took meanwhile."""

    burst: Burst
    stolen_share: float


def measure(quick: bool) -> list[Row]:
    """
    A row for a small body, and one for a whole ping, each sent under ever new ids, on disk and in memory.

    The small one is quarantined, which costs the converter little; the ping is stored.
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
    rounds, seconds = (1, 2) if quick else (15, 2)
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-", dir=where) as place:
        data = Path(place) / "data"
        RevisionCache(data / "specs").store(definitions.revision, definitions.text)
        with our_server(2, data, {"TELEMETRY_REVISION_OFFLINE": "true"}) as server:
            # What saturation leaves to be converted is more than the converter can do meanwhile.
            full = burst(server.port, body, seconds=seconds, connections=CONNECTIONS)
            rate = full.requests / full.seconds * SATURATION_SHARE
            calm = [_round(server.port, body, seconds, rate) for _ in range(rounds)]
    p99s = [c.burst.p99_ms for c in calm]
    ours_alone = [c.burst.p99_ms for c in calm if c.stolen_share <= LITTLE_STOLEN]
    reached = statistics.median(c.burst.requests / c.burst.seconds for c in calm)
    return Row(
        what=f"p99 at 70 % of saturation, converting, {what}",
        unit="ms",
        ours=statistics.median(p99s),
        yardstick="the bar",
        theirs=MAX_P99_MS,
        ratio=statistics.median(p99s) / MAX_P99_MS,
        spread=(min(p99s) / MAX_P99_MS, max(p99s) / MAX_P99_MS),
        note=f"{reached:.0f}/s of {rate / SATURATION_SHARE:.0f}/s, "
        f"p50 {statistics.median(c.burst.p50_ms for c in calm):.1f} ms, "
        f"the host took {statistics.mean(c.stolen_share for c in calm):.0%} of the cores"
        + (
            f"; p99 {statistics.median(ours_alone):.1f} ms in the {len(ours_alone)} of {rounds} rounds"
            f" in which it took at most {LITTLE_STOLEN:.0%}"
            if ours_alone
            else ""
        ),
    )


def _round(port: int, body: bytes, seconds: float, rate: float) -> Round:
    cores = range(os.cpu_count() or 1)
    stolen = stolen_seconds(cores)
    done = burst(port, body, seconds=seconds, connections=CONNECTIONS, requests_per_second=rate)
    return Round(done, (stolen_seconds(cores) - stolen) / done.seconds / len(cores))
