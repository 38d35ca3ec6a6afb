"""Tables: what they add to conversion, what they take on disk, and what they save a question."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random

import orjson

from bench.backlog import BATCH
from bench.report import Row, goal_row, paired_row
from histogram_specs.cache.revision_cache import RevisionCache
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.raw.segment_file import SegmentSeries
from storage.raw.submission import Submission
from telemetry_server.demo.temporary_server import bare_environment
from telemetry_server.generator.definitions import shipped_definitions
from telemetry_server.generator.payloads import uuid_of
from telemetry_server.generator.stream import Recipe

MEMORY_GOAL_MIB = 150.0
ROUNDS = 3
QUERY_ROUNDS = 5
METRIC = "LAYOUT_REFLOW_MS"
TEN = 10

# Both print the CPU seconds that their statement took, without the start of the process.
_BY_TABLES = """
import sys, time
from pathlib import Path
from telemetry_server.analysis import connect
with connect(Path(sys.argv[1])) as tables:
    start = time.process_time()
    rows = tables.execute(sys.argv[2]).fetchall()
    print(time.process_time() - start, len(rows))
"""
_BY_LINES = """
import sys, time
from pathlib import Path
import duckdb
files = [str(path) for path in Path(sys.argv[1], "converted").rglob("*.zst")]
lines = duckdb.connect(config={"threads": 1, "memory_limit": "2GB"})
lines.execute("set enable_progress_bar = false")
start = time.process_time()
lines.execute(f"create view lines as select * from read_csv({files!r}, delim='\\t', header=false, quote='',"
    " escape='', columns={'id': 'VARCHAR', 'record': 'JSON'}, compression='zstd', max_line_size=8388608)")
rows = lines.execute(sys.argv[2]).fetchall()
print(time.process_time() - start, len(rows))
"""

_HISTOGRAM = "select build_id, start, sum(count) from histogram_buckets where metric {} group by all"
_QUESTIONS = (
    (
        "one histogram by build",
        _HISTOGRAM.format(f"= '{METRIC}'"),
        f"select record->>'$.info.appBuildID', record->'$.histograms.{METRIC}' from lines",
        1 / 60,
    ),
    (
        "pings by version and day",
        "select version, submission_date, count(*) from pings group by all",
        "select record->>'$.info.appVersion', left(record->>'$.metadata.submission_timestamp', 10), count(*)"
        " from lines group by all",
        1 / 3,
    ),
    (
        "distinct clients by day",
        "select submission_date, count(distinct client_id) from pings group by all",
        "select left(record->>'$.metadata.submission_timestamp', 10), count(distinct record->>'$.clientID')"
        " from lines group by all",
        1 / 3,
    ),
)


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
        process = subprocess.Popen(words, stdout=output, stderr=subprocess.DEVNULL, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}: {text}")
    return Run(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text)


def big_submissions(count: int, at: datetime | None = None) -> Iterator[Submission]:
    """*count* pings of 90 KB, all different: repeated ones would make both lines and tables small."""
    at = at or datetime.now(UTC)
    for ping in Recipe(shipped_definitions()).pings(count):
        yield Submission(received_at=at, path=ping.path, body=ping.body)


def small_submissions() -> Iterator[Submission]:
    """Glean pings without end, each of about 600 bytes."""
    chance, now = Random(2), datetime.now(UTC)
    while True:
        ping = {
            "client_info": {"client_id": uuid_of(chance), "app_channel": "beta", "app_build": "77"},
            "ping_info": {"seq": chance.randint(1, 9)},
            "metrics": {
                "counter": {f"page.loads_{number}": chance.randint(1, 500) for number in range(5)},
                "boolean": {"settings.dark": chance.random() < 0.5},
                "timing_distribution": {
                    "page.load": {"sum": 9, "values": {str(2**power): 1 for power in range(4)}}
                },
            },
        }
        yield Submission(
            received_at=now,
            path=f"/submit/org-example-app/metrics/1/{uuid_of(chance)}",
            body=orjson.dumps(ping),
        )


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


def measure(quick: bool, big: int = 10_000, small: int = 100_000) -> list[Row]:
    """
    Rows for conversion, size, questions, start and memory.

    Args:
        big: How many pings of 90 KB.
        small: How many small ones.
    """
    if quick:
        big, small = 256, 512
    rows = []
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as folder:
        for what, source, count in (
            ("90 KB", big_submissions(big), big),
            ("small", small_submissions(), small),
        ):
            data, found = _converted(Path(folder) / what.replace(" ", "-"), source, count, what)
            rows += [*found, _size(data, what)]
            if what == "90 KB":
                rows += [*_questions(data), _start(data)]
    return rows


def _converted(folder: Path, source: Iterator[Submission], count: int, what: str) -> tuple[Path, list[Row]]:
    folder.mkdir()
    runs: dict[bool, list[Run]] = {False: [], True: []}
    submissions = list(islice(source, count))
    for number in range(ROUNDS):
        for tables, done in runs.items():
            data = folder / f"{number}-{tables}"
            fill(data, iter(submissions), count)
            done.append(convert(data, tables=tables))
    pairs = [
        (with_tables.cpu_seconds * 1000 / count, without.cpu_seconds * 1000 / count)
        for without, with_tables in zip(*runs.values(), strict=True)
    ]
    return folder / "0-True", [
        paired_row(
            f"conversion with tables, {count} pings, {what}",
            "CPU ms per ping, all in",
            pairs,
            "without tables",
            "asked for: at most 1.35",
        ),
        goal_row(
            f"memory of conversion with tables, {what}",
            "MiB, largest process",
            [max(run.peak_mib for run in runs[True])],
            MEMORY_GOAL_MIB,
        ),
    ]


def _size(data: Path, what: str) -> Row:
    with Ledger.for_reading(DataRoot(data)) as ledger:
        tables = sum(file.bytes for file in ledger.table_files())
        lines = sum(file.length for file in ledger.files("converted"))
    sizes = [(tables / 1e6, lines / 1e6)]
    return paired_row(f"bytes of all tables, {what}", "MB", sizes, "the lines", "asked for: at most 0.25")


def _asked(script: str, data: Path, statement: str) -> tuple[float, float]:
    """Return the CPU milliseconds of *statement*, and the peak memory of its process in MiB."""
    done = run([sys.executable, "-c", script, str(data), statement])
    seconds, count = done.output.split()
    if count == "0":
        raise RuntimeError(f"no rows: {statement}")
    return float(seconds) * 1000, done.peak_mib


def _questions(data: Path) -> list[Row]:
    rows, peaks = [], []
    for what, statement, over_lines, goal in _QUESTIONS:
        pairs = []
        for _ in range(QUERY_ROUNDS):
            milliseconds, peak = _asked(_BY_TABLES, data, statement)
            peaks.append(peak)
            pairs.append((milliseconds, _asked(_BY_LINES, data, over_lines)[0]))
        note = f"asked for: at most 1/{round(1 / goal)}"
        rows.append(paired_row(what, "CPU ms", pairs, "DuckDB over the lines", note))
    return [*rows, _ten_to_one(data), goal_row("memory of a question", "MiB", [max(peaks)], MEMORY_GOAL_MIB)]


def _ten_to_one(data: Path) -> Row:
    names = [name for name in json.loads(shipped_definitions().text) if name != METRIC][: TEN - 1]
    listed = ", ".join(f"'{name}'" for name in [METRIC, *names])
    pairs = [
        (
            _asked(_BY_TABLES, data, _HISTOGRAM.format(f"in ({listed})"))[0],
            _asked(_BY_TABLES, data, _HISTOGRAM.format(f"= '{METRIC}'"))[0],
        )
        for _ in range(QUERY_ROUNDS)
    ]
    return paired_row("ten histograms by build", "CPU ms", pairs, "one", "asked for: at most 6")


def _start(data: Path) -> Row:
    command = [sys.executable, "-m", "telemetry_server", "sql", "--data", str(data), "SELECT 1"]
    bare = [sys.executable, "-c", "import duckdb"]
    run(command)
    pairs = [(run(command).cpu_seconds * 1000, run(bare).cpu_seconds * 1000) for _ in range(2 * QUERY_ROUNDS)]
    return paired_row("sql, from start to its end", "CPU ms", pairs, "import duckdb", "asked for: at most 3")
