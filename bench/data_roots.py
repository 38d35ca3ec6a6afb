"""Data roots of pings, and commands that work on them in processes of their own."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from bench.backlog import BATCH
from bench.commands import Run, run
from histogram_specs.cache.revision_cache import RevisionCache
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.raw.segment_file import SegmentSeries
from storage.raw.submission import Submission
from telemetry_server.generator.definitions import shipped_definitions


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
