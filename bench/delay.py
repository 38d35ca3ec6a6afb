"""The time from the answer 200 to a stored record, at light load."""

import tempfile
import time
from pathlib import Path
from urllib.request import Request, urlopen

from bench.backlog import submissions
from bench.report import Row, goal_row
from bench.stored import wait_until_stored
from histogram_specs.cache.revision_cache import RevisionCache
from telemetry_server.demo.temporary_server import TemporaryServer
from telemetry_server.generator.definitions import shipped_definitions

GOAL_SECONDS = 1.0
GIVE_UP_SECONDS = 30.0


def measure(quick: bool) -> list[Row]:
    """Return one row: single pings, each sent after the previous one is stored."""
    count = 2 if quick else 25
    definitions = shipped_definitions()
    delays = []
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as folder:
        data = Path(folder) / "data"
        RevisionCache(data / "specs").store(definitions.revision, definitions.text)
        settings = {"TELEMETRY_WORKERS": "1", "TELEMETRY_REVISION_OFFLINE": "true"}
        with TemporaryServer(data, settings) as server:
            source = submissions()
            for number in range(1, count + 1):
                ping = next(source)
                with urlopen(Request(server.url + ping.path, data=ping.body, method="POST")):
                    kept = time.monotonic()
                wait_until_stored(data, number, within_seconds=GIVE_UP_SECONDS)
                delays.append(time.monotonic() - kept)
    what = f"delay from answer to stored record, {count} single pings"
    return [goal_row(what, "s", delays, GOAL_SECONDS, "from the answer 200 until `cat` prints the record")]
