"""Data roots of pings, and commands that work on them in processes of their own."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from bench.backlog import BATCH
from histogram_specs.cache.revision_cache import RevisionCache
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.raw.segment_file import SegmentSeries
from storage.raw.submission import Submission
from telemetry_server.demo.temporary_server import bare_environment
from telemetry_server.generator.definitions import shipped_definitions


@dataclass(frozen=True, slots=True)
class Run:
    """One process that has ended."""

    cpu_seconds: float  # of it and of the processes that it waited for
    peak_mib: float  # of the largest of them
    output: str


def run(words: Sequence[str], settings: dict[str, str] | None = None) -> Run:
    """
    Run *words* to its end.

    Raises:
        RuntimeError: It failed.
    """
    environment = bare_environment() | (settings or {})
    # As installed: modules are compiled once.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.DEVNULL, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
        assert process.stdin is not None
        process.stdin.close()
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}: {text}")
    return Run(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text)


def fill(data: Path, source: Iterator[Submission], count: int) -> None:
    """Put the next *count* of *source* into a new data root."""
    root = DataRoot(data)
    root.prepare(Disk())
    definitions = shipped_definitions()
    RevisionCache(root.specs).store(definitions.revision, definitions.text)
    with SegmentSeries(root.raw, worker=0) as series:
        for first in range(0, count, BATCH):
            batch = list(islice(source, min(BATCH, count - first)))
            series.append(batch, day=datetime.now(UTC).date())


def convert(data: Path, *, tables: bool) -> Run:
    """Convert all of *data* in one process of its own."""
    settings = {
        "TELEMETRY_TABLES": str(tables).lower(),
        "TELEMETRY_REVISION_OFFLINE": "true",
        "TELEMETRY_CONVERT_PROCESSES": "1",
    }
    return run([sys.executable, "-m", "telemetry_server", "convert", "--data", str(data)], settings)


def rebuild(data: Path) -> Run:
    """Make the tables of *data* anew in a process of its own."""
    settings = {"TELEMETRY_REVISION_OFFLINE": "true"}
    words = [sys.executable, "-m", "telemetry_server", "tables", "rebuild", "--data", str(data)]
    return run(words, settings)
