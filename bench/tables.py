"""Tables: what they add to conversion, what they take on disk, and what they save a question."""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from bench.commands import Run, run
from bench.data_roots import convert, fill
from bench.report import Row, goal_row, paired_row
from bench.table_pings import big_submissions, small_submissions
from storage.data_root import DataRoot
from storage.ledger.ledger import Ledger
from storage.raw.submission import Submission
from telemetry_server.generator.definitions import shipped_definitions
from telemetry_server.generator.payloads import Layout

MEMORY_GOAL_MIB = 150.0
COMPACTION_GOAL_MS, COMPACTION_MEMORY_MIB = 0.5, 300.0
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

# Prints the CPU seconds of merging all days' parts, and how many there were.
_COMPACT = """
import sys, time
from contextlib import nullcontext
from pathlib import Path
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.tables.merging import compact_tables
root = DataRoot(Path(sys.argv[1]))
with Ledger(root.ledger) as ledger:
    files = ledger.table_files()
    start = time.process_time()
    for day in {file.day for file in files}:
        list(compact_tables(root, ledger, Disk(), day, nullcontext))
    print(time.process_time() - start, len(files))
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


def measure(quick: bool, big: int = 10_000, small: int = 100_000) -> list[Row]:
    """
    Rows for conversion, size, questions, start, memory and compaction.

    Args:
        big: How many pings of 90 KB.
        small: How many small ones.
    """
    rounds, query_rounds = ROUNDS, QUERY_ROUNDS
    if quick:
        big, small, rounds, query_rounds = 64, 128, 1, 1
    rows, sizes = [], []
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as folder:
        for what, source, count in (
            ("90 KB", big_submissions(big), big),
            ("small", small_submissions(), small),
        ):
            data, found = _converted(Path(folder) / what.replace(" ", "-"), source, count, what, rounds)
            rows += found
            sizes.append(_bytes_of(data))
            rows.append(_size(what, sizes[-1:]))
            if what == "90 KB":
                rows += [*_questions(data, query_rounds), *_start(data, query_rounds)]
            rows += _compaction(data, count, what)
        unified = Path(folder) / "unified"
        fill(unified, big_submissions(big // 5, Layout.UNIFIED), big // 5)
        convert(unified, tables=True)
        rows += [_size("unified, 117 KB", [_bytes_of(unified)]), _size("90 KB and small together", sizes)]
    return rows


def _converted(
    folder: Path, source: Iterator[Submission], count: int, what: str, rounds: int
) -> tuple[Path, list[Row]]:
    folder.mkdir()
    runs: dict[bool, list[Run]] = {False: [], True: []}
    submissions = list(islice(source, count))
    for number in range(rounds):
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


def _bytes_of(data: Path) -> tuple[float, float]:
    """Return the bytes of all tables and of the lines, in MB."""
    with Ledger.for_reading(DataRoot(data)) as ledger:
        tables = sum(file.bytes for file in ledger.table_files())
        lines = sum(file.length for file in ledger.files("converted"))
    return tables / 1e6, lines / 1e6


def _size(what: str, sizes: Sequence[tuple[float, float]]) -> Row:
    total = [(sum(tables for tables, _ in sizes), sum(lines for _, lines in sizes))]
    return paired_row(f"bytes of all tables, {what}", "MB", total, "the lines", "asked for: at most 0.25")


def _compaction(data: Path, count: int, what: str) -> list[Row]:
    """Rows for merging the parts of the day in a process of its own; it changes *data*."""
    done = run([sys.executable, "-c", _COMPACT, str(data)])
    seconds, parts = done.output.split()
    return [
        goal_row(
            f"compaction of a day's tables, {count} pings, {what}",
            "CPU ms per ping",
            [float(seconds) * 1000 / count],
            COMPACTION_GOAL_MS,
            f"{parts} files",
        ),
        goal_row(f"memory of compaction, {what}", "MiB", [done.peak_mib], COMPACTION_MEMORY_MIB),
    ]


def _asked(script: str, data: Path, statement: str) -> tuple[float, float]:
    """Return the CPU milliseconds of *statement*, and the peak memory of its process in MiB."""
    done = run([sys.executable, "-c", script, str(data), statement])
    seconds, count = done.output.split()
    if count == "0":
        raise RuntimeError(f"no rows: {statement}")
    return float(seconds) * 1000, done.peak_mib


def _questions(data: Path, rounds: int) -> list[Row]:
    rows, peaks = [], []
    for what, statement, over_lines, goal in _QUESTIONS:
        pairs = []
        for _ in range(rounds):
            milliseconds, peak = _asked(_BY_TABLES, data, statement)
            peaks.append(peak)
            pairs.append((milliseconds, _asked(_BY_LINES, data, over_lines)[0]))
        note = f"asked for: at most 1/{round(1 / goal)}"
        rows.append(paired_row(what, "CPU ms", pairs, "DuckDB over the lines", note))
    return [
        *rows,
        _ten_to_one(data, rounds),
        goal_row("memory of a question", "MiB", [max(peaks)], MEMORY_GOAL_MIB),
    ]


def _ten_to_one(data: Path, rounds: int) -> Row:
    names = [name for name in json.loads(shipped_definitions().text) if name != METRIC][: TEN - 1]
    listed = ", ".join(f"'{name}'" for name in [METRIC, *names])
    pairs = [
        (
            _asked(_BY_TABLES, data, _HISTOGRAM.format(f"in ({listed})"))[0],
            _asked(_BY_TABLES, data, _HISTOGRAM.format(f"= '{METRIC}'"))[0],
        )
        for _ in range(rounds)
    ]
    return paired_row("ten histograms by build", "CPU ms", pairs, "one", "asked for: at most 6")


def _start(data: Path, rounds: int) -> list[Row]:
    command = [sys.executable, "-m", "telemetry_server", "sql", "--data", str(data)]
    bare = [sys.executable, "-c", "import duckdb"]
    run([*command, "SELECT 1"])
    first = _QUESTIONS[1][1]
    pairs = [
        (run([*command, first]).cpu_seconds * 1000, run(bare).cpu_seconds * 1000) for _ in range(2 * rounds)
    ]
    peaks = [run([*command, statement]).peak_mib for _, statement, _, _ in _QUESTIONS]
    return [
        paired_row("sql, from start to its end", "CPU ms", pairs, "import duckdb", "asked for: at most 3"),
        goal_row("memory of sql", "MiB", [max(peaks)], MEMORY_GOAL_MIB),
    ]
