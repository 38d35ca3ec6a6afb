"""
Measures the value of a second core on this machine: the maximum gain for conversion.

Cores share caches, memory, and on a virtual machine more that is not visible.
"""

import multiprocessing
import os
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench.conversion import BATCH, context_in, good_pings, ours
from bench.processes import stolen_seconds
from telemetry_server.generator.definitions import shipped_definitions
from telemetry_server.generator.payloads import Layout


def what_two_cores_can_do(rounds: int, seconds: float) -> float:
    """Return the throughput of two cores with independent work, relative to one core."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(pings_per_second, cores, [0.1, 0.1]))  # both have finished their imports
        gains = []
        for _ in range(rounds):
            alone = [pool.submit(pings_per_second, core, seconds).result() for core in cores]
            together = sum(pool.map(pings_per_second, cores, [seconds] * 2))
            gains.append(together / statistics.mean(alone))
    return statistics.median(gains)


def pings_per_second(core: int, seconds: float) -> float:
    """Return the rate of a conversion loop on *core*; time taken by the host is not counted."""
    os.sched_setaffinity(0, {core})
    definitions = shipped_definitions()
    pings = good_pings(definitions, Layout.CLASSIC, BATCH)
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as folder:
        work = ours(context_in(Path(folder), definitions), plainly=False)
        count, start, stolen = 0, time.perf_counter(), stolen_seconds([core])
        while (taken := time.perf_counter() - start) < seconds:
            work(pings)
            count += len(pings)
        return count / (taken - (stolen_seconds([core]) - stolen))
