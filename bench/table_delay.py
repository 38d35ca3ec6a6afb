"""From the 200 to a row in ``sql``: at rest, and under 500 pings a second."""

import tempfile
import threading
import time
from pathlib import Path
from urllib.request import Request, urlopen

from bench.backlog import submissions
from bench.keeping_up import CONNECTIONS, PINGS_PER_SECOND, WORKERS
from bench.load import burst
from bench.report import Row, goal_row
from histogram_specs.cache.revision_cache import RevisionCache
from telemetry_server.analysis import connect
from telemetry_server.demo.temporary_server import TemporaryServer
from telemetry_server.generator.definitions import shipped_definitions

AT_REST_SECONDS, UNDER_LOAD_SECONDS = 5.0, 60.0
GIVE_UP_SECONDS = 120.0
PAUSE_SECONDS = 0.1


def measure(quick: bool) -> list[Row]:
    """Two rows: single pings at rest, and while others come."""
    definitions = shipped_definitions()
    probe = next(submissions())
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as folder:
        data = Path(folder) / "data"
        RevisionCache(data / "specs").store(definitions.revision, definitions.text)
        settings = {"TELEMETRY_WORKERS": str(WORKERS), "TELEMETRY_REVISION_OFFLINE": "true"}
        with TemporaryServer(data, settings) as server:
            source = submissions()
            at_rest = [
                _delay(server.url, data, next(source).path, probe.body) for _ in range(1 if quick else 9)
            ]
            load = threading.Thread(
                target=burst,
                args=(server.port, probe.body),
                kwargs={
                    "seconds": 1 if quick else 60,
                    "connections": CONNECTIONS,
                    "requests_per_second": PINGS_PER_SECOND,
                },
            )
            load.start()
            under_load = [
                _delay(server.url, data, next(source).path, probe.body) for _ in range(1 if quick else 3)
            ]
            load.join()
    return [
        _row("from the 200 to a row in sql, at rest", at_rest, AT_REST_SECONDS),
        _row(
            f"from the 200 to a row in sql, {PINGS_PER_SECOND} pings a second",
            under_load,
            UNDER_LOAD_SECONDS,
        ),
    ]


def _delay(url: str, data: Path, path: str, body: bytes) -> float:
    """
    Send a ping to *path*, and return the seconds from the answer until its row is there.

    Raises:
        TimeoutError: It does not come.
    """
    headers = {"Content-Encoding": "gzip"}
    with urlopen(Request(url + path, data=body, headers=headers, method="POST")):
        kept = time.monotonic()
    document_id = path.split("/")[3]
    while time.monotonic() - kept < GIVE_UP_SECONDS:
        with connect(data, threads=1) as tables:
            found = tables.execute("SELECT 1 FROM pings WHERE document_id = ?", [document_id]).fetchall()
        if found:
            return time.monotonic() - kept
        time.sleep(PAUSE_SECONDS)
    raise TimeoutError(f"no row of {document_id} in {GIVE_UP_SECONDS:.0f} s")


def _row(what: str, delays: list[float], goal: float) -> Row:
    note = f"{len(delays)} pings one by one, looked for every {PAUSE_SECONDS} s"
    return goal_row(what, "s", delays, goal, note)
