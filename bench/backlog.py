"""``convert`` on a backlog: throughput with one core and with two, and memory of each process."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random

from bench.processes import cpu_seconds, family, peak_bytes, stolen_seconds
from bench.report import Row, goal_row
from histogram_specs.cache.revision_cache import RevisionCache
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.raw.segment_file import SegmentSeries
from storage.raw.submission import Submission
from telemetry_server.demo.temporary_server import bare_environment
from telemetry_server.generator.definitions import shipped_definitions
from telemetry_server.generator.payloads import Layout, uuid_of
from telemetry_server.generator.stream import Recipe

DIFFERENT_BODIES = 192
BATCH = 64
LOOK_SECONDS = 0.05
MEMORY_GOAL_MIB = 300.0


@dataclass(frozen=True, slots=True)
class Run:
    """The measurements of one run of ``convert``."""

    seconds: float  # without the time that the host took from the cores for other machines
    stolen_share: float
    cpu_seconds: float
    coordinator_cpu_seconds: float
    peak_mib: float  # of the largest process


def submissions(layout: Layout = Layout.CLASSIC) -> Iterator[Submission]:
    """Yield good pings endlessly: a few bodies repeated, each time with a new id."""
    now = datetime.now(UTC)
    bodies = [
        Submission(received_at=now, path=ping.path, body=ping.body)
        for ping in Recipe(shipped_definitions(), layout=layout).pings(DIFFERENT_BODIES)
    ]
    chance = Random(1)
    while True:
        for each in bodies:
            root, submit, telemetry, _, *rest = each.path.split("/")
            yield replace(each, path="/".join((root, submit, telemetry, uuid_of(chance), *rest)))


def fill(data: Path, raw_bytes: int) -> int:
    """Put *raw_bytes* of submissions into a new data root; return their number."""
    root = DataRoot(data)
    root.prepare(Disk())
    definitions = shipped_definitions()
    RevisionCache(root.specs).store(definitions.revision, definitions.text)
    count = size = 0
    source = submissions()
    with SegmentSeries(root.raw, worker=0) as series:
        while size < raw_bytes:
            size += series.append(list(islice(source, BATCH)), day=datetime.now(UTC).date())
            count += BATCH
    return count


def convert(data: Path, cores: Collection[int]) -> Run:
    """Convert all submissions below *data*, with one process for each of *cores* and on these cores only."""
    settings = {"TELEMETRY_CONVERT_PROCESSES": str(len(cores)), "TELEMETRY_REVISION_OFFLINE": "true"}
    start, stolen = time.perf_counter(), stolen_seconds(cores)
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)  # of this thread; the new process inherits it
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "telemetry_server", "convert", "--data", str(data), "--json"],
            env=bare_environment() | settings,
            stdout=subprocess.DEVNULL,
        )
    finally:
        os.sched_setaffinity(0, usable)
    peaks: dict[int, int] = {}
    cpu = own_cpu = 0.0
    while process.poll() is None:
        cpu, own_cpu = max(cpu, cpu_seconds(process.pid)), max(own_cpu, cpu_seconds(process.pid, alone=True))
        for pid in family(process.pid):
            peaks[pid] = max(peaks.get(pid, 0), peak_bytes(pid))
        time.sleep(LOOK_SECONDS)
    if process.returncode:
        raise RuntimeError(f"convert ended with {process.returncode}")
    seconds = time.perf_counter() - start
    taken = (stolen_seconds(cores) - stolen) / len(cores)
    return Run(seconds - taken, taken / seconds, cpu, own_cpu, max(peaks.values()) / 2**20)


def convert_separately(folder: Path, raw_bytes: int, cores: list[int]) -> float:
    """
    Convert a backlog of *raw_bytes* on each of *cores* at once; return the seconds of the slower run.

    The runs share caches, memory and the disk, but no process and no data root.  So their throughput
    shows what a second core of this machine is worth to conversion.
    """
    roots = [folder / str(core) for core in cores]
    for root in roots:
        fill(root, raw_bytes)
    with ThreadPoolExecutor(len(cores)) as threads:
        seconds = max(run.seconds for run in threads.map(convert, roots, [[core] for core in cores]))
    shutil.rmtree(folder)
    return seconds


def measure(quick: bool) -> list[Row]:
    """Rows for the gain of a second core, and for memory."""
    rounds, raw_bytes = (1, 1 << 20) if quick else (3, 512 << 20)
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        raise RuntimeError("this suite needs two cores")
    one: list[Run] = []
    two: list[Run] = []
    ceilings: list[float] = []
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as folder:
        for number in range(rounds):
            for used, runs in ((cores[:1], one), (cores, two)):
                data = Path(folder) / f"{number}-{len(used)}"
                count = fill(data, raw_bytes)
                runs.append(convert(data, used))
                shutil.rmtree(data)
            seconds = convert_separately(Path(folder) / f"{number}", raw_bytes, cores)
            ceilings.append(2 * one[-1].seconds / seconds)
        large = Path(folder) / "large"
        large_bytes = (1 << 20) if quick else (1 << 30)
        large_count = fill(large, large_bytes)
        memory = convert(large, cores)
    gains = [first.seconds / second.seconds for first, second in zip(one, two, strict=True)]
    return [
        Row(
            what=f"backlog of {raw_bytes >> 20} MiB, two cores",
            unit="pings per s",
            ours=statistics.median(count / run.seconds for run in two),
            yardstick="one core",
            theirs=statistics.median(count / run.seconds for run in one),
            ratio=statistics.median(1 / gain for gain in gains),
            spread=(1 / max(gains), 1 / min(gains)),
            note=f"{statistics.median(gains):.2f} times one core"
            f" (two separate runs at once, one on each core: {statistics.median(ceilings):.2f} times);"
            f" the coordinator used {_share(two):.0%} of the CPU time;"
            f" without the time that the host took:"
            f" {_stolen(one):.0%} with one core, {_stolen(two):.0%} with two",
        ),
        goal_row(
            f"memory with a backlog of {large_bytes >> 20} MiB ({large_count} pings)",
            "MiB, largest process",
            [memory.peak_mib],
            MEMORY_GOAL_MIB,
            f"{memory.cpu_seconds * 1000 / large_count:.2f} CPU ms per ping in total",
        ),
    ]


def _stolen(runs: list[Run]) -> float:
    return statistics.median(run.stolen_share for run in runs)


def _share(runs: list[Run]) -> float:
    return statistics.median(run.coordinator_cpu_seconds / run.cpu_seconds for run in runs)
