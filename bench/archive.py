"""The archive: the cost of copying a day to a bucket, and of asking it there instead of here."""

import http.client
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.commands import Run, run
from bench.data_roots import convert, fill
from bench.report import Row, goal_row, paired_row
from bench.table_pings import big_submissions

ROUNDS = 3
BUCKET = "bench"
HISTOGRAM = (
    "SELECT build_id, start, sum(count) FROM histogram_buckets WHERE metric = 'LAYOUT_REFLOW_MS'"
    " GROUP BY ALL ORDER BY ALL"
)
SQL = ["sql", HISTOGRAM, "--format", "ndjson"]
JOB = ["mapreduce", "count", "--mappers", "1"]


@contextmanager
def s3_server(folder: Path) -> Iterator[dict[str, str]]:
    """Start a server of S3 (moto) with the bucket `BUCKET`; yield the environment of its clients."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-c", "import sys; from moto.server import main; main(sys.argv[1:])"]
    with (folder / "moto.log").open("wb") as log:
        process = subprocess.Popen([*words, "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log)
    try:
        while not _is_made(port):
            time.sleep(0.1)
        yield {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        }
    finally:
        process.kill()
        process.wait()


def _is_made(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.request("PUT", f"/{BUCKET}")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _command(data: Path, words: list[str], environment: dict[str, str]) -> Run:
    return run([sys.executable, "-m", "telemetry_server", *words, "--data", str(data)], environment)


def measure(quick: bool, big: int = 10_000) -> list[Row]:
    """Return the rows of the archive; *big* pings of 90 KB make the day."""
    count = 200 if quick else big
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as name, s3_server(Path(name)) as client:
        data, away = Path(name) / "data", Path(name) / "away"
        yesterday = datetime.now(UTC) - timedelta(days=1)
        fill(data, big_submissions(count, at=yesterday), count)
        convert(data, tables=True)
        _command(data, ["compact"], {})
        shutil.copytree(data, away)
        size = sum(path.stat().st_size for path in data.rglob("*.zst"))
        size += sum(path.stat().st_size for path in data.rglob("*.parquet"))
        client["TELEMETRY_ARCHIVE_TO"] = f"s3://{BUCKET}/day"
        client["TELEMETRY_ARCHIVE_KEEP_LOCAL"] = "false"
        start = _command(data, ["archive", "status"], client).cpu_seconds
        copied = _command(away, ["archive", "run"], client)
        rows = [
            goal_row(
                "copying a day to a bucket, a ping of 90 KB",
                "ms",
                [1000 * (copied.cpu_seconds - start) / count],
                1.0,
                f"{size / 1e6:.1f} MB read, checked, sent, read back; its start is not counted",
            ),
            goal_row("memory of copying", "MiB", [copied.peak_mib], 300.0),
        ]
        for what, words in (("one histogram by build, `sql`", SQL), ("counting records, `mapreduce`", JOB)):
            pairs = []
            for _ in range(1 if quick else ROUNDS):
                there, here = _command(away, words, client), _command(data, words, client)
                if there.output != here.output:
                    raise RuntimeError(f"{what}: the answers differ")
                pairs.append((1000 * there.cpu_seconds, 1000 * here.cpu_seconds))
            rows.append(paired_row(f"{what}, day in a bucket", "ms", pairs, "day here", f"{count} pings"))
        return rows
