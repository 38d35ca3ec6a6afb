"""Map-reduce: two mappers against one, CPU against a bare loop, memory with many keys, and a cluster."""

import json
import sys
import tempfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bench.commands import Run, run
from bench.data_roots import convert, fill
from bench.report import Row, goal_row, paired_row
from bench.table_pings import big_submissions
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.identity import new_identity
from storage.ledger.ledger import Ledger
from storage.ledger.values import StoredFile
from storage.partitions.frames import pack_frames
from storage.partitions.reader import Filter, read_records

RECORDS = 20_000
DISTINCT = 400
RECORDS_PER_FILE = 400
ROUNDS = 2
KEYS = 1_000_000
MEMORY_GOAL_MIB = 200.0

_SUM = """
def reduce(key, values, context):
    context.write(key, sum(values))

combine = reduce
"""
COUNT = 'def map(key, dims, value, context):\n    context.write("n", 1)\n' + _SUM
HISTOGRAM = """
import json

def map(key, dims, value, context):
    row = json.loads(value)["histograms"].get("LAYOUT_REFLOW_MS")
    if row:
        context.write(dims[3], row)

def reduce(key, values, context):
    context.write(key, [sum(column) for column in zip(*values)])

combine = reduce
"""
MANY_KEYS = """
def map(key, dims, value, context):
    for number in range({each}):
        context.write(f"{{key}}/{{number}}", 1)
"""
# Reads and parses the same files in one process, and nothing else.
_BARE_LOOP = """
import gc, json, sys
from pathlib import Path
from storage.partitions.frames import read_lines
gc.disable()
count = 0
for path in sorted(Path(sys.argv[1], "converted").rglob("*.zst")):
    with path.open("rb") as stream:
        for line in read_lines(stream, path.stat().st_size):
            count += bool({expression})
"""
PARSES = 'json.loads(line.partition(b"\\t")[2].decode())'


def made_root(folder: Path, records: int) -> Path:
    """
    Return a data root of *records* records of about 90 KB, in files of `RECORDS_PER_FILE`.

    No two records of a file are equal: repeated ones would decompress faster than real ones.
    """
    source = folder / "source"
    distinct = min(DISTINCT, records)
    fill(source, islice(big_submissions(distinct), distinct), distinct)
    convert(source, tables=False)
    with Ledger.for_reading(DataRoot(source)) as ledger:
        lines = [line[36:] for line in read_records(source, ledger, Filter())]
    root = DataRoot(folder / "data")
    root.prepare(Disk())
    with Ledger(root.ledger) as ledger, ledger.transaction() as transaction:
        transaction.name_root(new_identity().root_id)
        schema = transaction.schema(
            json.dumps(
                {
                    "version": 1,
                    "dimensions": [
                        {"field_name": name, "allowed_values": "*"}
                        for name in ("reason", "appName", "appUpdateChannel", "appVersion", "appBuildID")
                    ],
                }
            )
        )
        for number, first in enumerate(range(0, records, RECORDS_PER_FILE)):
            count = min(RECORDS_PER_FILE, records - first)
            directory = f"converted/20261122/main/Firefox/nightly/{20 + number % 10}.0/{20261101 + number}"
            path = root.path / directory / "part-0000000001.zst"
            path.parent.mkdir(parents=True)
            some = (
                b"00000000-0000-4000-8000-%012d" % n + lines[n % distinct]
                for n in range(first, first + count)
            )
            path.write_bytes(b"".join(data for data, _ in pack_frames(some, 1)))
            transaction.put_file(
                StoredFile(directory, path.name, path.stat().st_size, count, 1, closed=True, schema_id=schema)
            )
    return root.path


@dataclass(frozen=True, slots=True)
class Bench:
    """Runs jobs over one data root."""

    folder: Path
    data: Path

    def job(self, name: str, text: str) -> str:
        """Write a job file; return its path."""
        path = self.folder / f"{name}.py"
        path.write_text(text)
        return str(path)

    def run(self, job: str, *options: str) -> Run:
        """Run a job."""
        return run([*self.words(job), *options])

    def words(self, job: str) -> list[str]:
        """Return the command that runs a job, with its output in a file."""
        command = [sys.executable, "-m", "telemetry_server", "mapreduce", job]
        return [*command, "--data", str(self.data), "-w", str(self.folder), "-o", str(self.folder / "output")]

    def loop(self, expression: str) -> Run:
        """Run the bare loop with *expression* for each line."""
        script = _BARE_LOOP.format(expression=expression)
        return run([sys.executable, "-c", script, str(self.data)])


def measure(quick: bool, records: int = RECORDS) -> list[Row]:
    """Rows for speed, CPU time, memory, and a cluster."""
    keys = KEYS
    if quick:
        records, keys = 200, 2_000
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as name:
        folder = Path(name)
        bench = Bench(folder, made_root(folder, records))
        rows = []
        for what, text in (("count", COUNT), ("one histogram", HISTOGRAM)):
            rows += _speed_and_cpu(bench, what, bench.job("job", text), 1 if quick else ROUNDS)
        many = bench.run(bench.job("many", MANY_KEYS.format(each=keys // records) + _SUM), "-m", "2")
        what = f"map-reduce, {keys:,} keys, largest process"
        rows.append(goal_row(what, "MiB", [many.peak_mib], MEMORY_GOAL_MIB))
        rows.append(_cluster(bench, bench.job("job", HISTOGRAM)))
    return rows


def _speed_and_cpu(bench: Bench, what: str, job: str, rounds: int) -> list[Row]:
    runs = [(bench.run(job, "-m", "2"), bench.run(job, "-m", "1"), bench.loop(PARSES)) for _ in range(rounds)]
    return [
        paired_row(
            f"map-reduce, {what}, two mappers",
            "s",
            [(two.seconds, one.seconds) for two, one, _ in runs],
            "one mapper",
            "goal 0.56: at least 1.8 times as fast; needs two free cores",
        ),
        paired_row(
            f"map-reduce, {what}, two mappers",
            "CPU-s",
            [(two.cpu_seconds, bare.cpu_seconds) for two, _, bare in runs],
            "a loop that reads and parses",
            "goal 1.1",
        ),
    ]


# Starts a scheduler and two workers, runs a job on them, and ends them.
_ON_CLUSTER = """
import subprocess, sys, time
from pathlib import Path
folder, command = Path(sys.argv[1]), sys.argv[2:]

def start(name, *words):
    with (folder / name).open("wb") as log:
        return subprocess.Popen([sys.executable, "-m", "dask", *words], stdout=log, stderr=log, cwd=folder)

def wait_for(name, text):
    while text not in (folder / name).read_text():
        time.sleep(0.05)

local = ("--host", "127.0.0.1", "--no-dashboard")
started = [start("scheduler", "scheduler", "--port", "0", *local)]
wait_for("scheduler", "tcp://127.0.0.1:")
address = (folder / "scheduler").read_text().partition("tcp://")[2].split()[0]
for name in ("one", "two"):
    started.append(start(name, "worker", "tcp://" + address, "--nthreads", "1", "--no-nanny", *local))
for name in ("one", "two"):
    wait_for(name, "Registered to")
status = subprocess.run([*command, "--cluster", "tcp://" + address]).returncode
for process in reversed(started):
    process.terminate()
    process.wait()
sys.exit(status)
"""


def _cluster(bench: Bench, job: str) -> Row:
    """CPU time on a cluster of two workers, their start and end included, against two mappers."""
    local = bench.run(job, "-m", "2")
    expected = (bench.folder / "output").read_bytes()
    on_cluster = run([sys.executable, "-c", _ON_CLUSTER, str(bench.folder), *bench.words(job)])
    if (bench.folder / "output").read_bytes() != expected:
        raise RuntimeError("the cluster's output differs")
    what = "map-reduce on a cluster of two workers, with their start"
    pairs = [(on_cluster.cpu_seconds, local.cpu_seconds)]
    return paired_row(what, "CPU-s", pairs, "--mappers 2", "goal 2.5")
