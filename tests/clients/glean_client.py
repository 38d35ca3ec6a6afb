"""
A small application with Glean, run by its test in a Python that has glean-sdk.

    python glean_client.py URL FOLDER STEP…
"""

import datetime
import json
import sys
import time
from pathlib import Path

from glean import Configuration, Glean, load_metrics, load_pings

COMMON = {
    "description": "of a test",
    "bugs": ["https://bugs.example.org/1"],
    "data_reviews": ["https://reviews.example.org/1"],
    "notification_emails": ["garden@example.org"],
}


def metric(kind: str, ping: str = "watering", **more: object) -> dict[str, object]:
    return {"type": kind, "expires": "never", "send_in_pings": [ping], **COMMON, **more}


METRICS = {
    "$schema": "moz://mozilla.org/schemas/glean/metrics/2-0-0",
    "plot": {
        "hits": metric("counter"),
        "took": metric("timing_distribution", time_unit="millisecond"),
        "memory": metric("memory_distribution", memory_unit="kilobyte"),
        "seen": metric("datetime", time_unit="minute"),
        "opened": metric(
            "event", "events", extra_keys={"n": {"type": "quantity", "description": "how many"}}
        ),
    },
}
PINGS = {
    "$schema": "moz://mozilla.org/schemas/glean/pings/2-0-0",
    "watering": {**COMMON, "include_client_id": True, "reasons": {"done": "watering is done"}},
}


def main(url: str, folder: Path, *steps: str) -> None:
    folder.mkdir(exist_ok=True)
    # JSON is YAML.
    (folder / "metrics.yaml").write_text(json.dumps(METRICS))
    (folder / "pings.yaml").write_text(json.dumps(PINGS))
    metrics = load_metrics(folder / "metrics.yaml")
    pings = load_pings(folder / "pings.yaml")
    Glean.initialize(
        application_id="Org_Example.Garden",
        application_version="1.0",
        upload_enabled=True,
        data_dir=folder / "data",
        configuration=Configuration(server_endpoint=url, channel="nightly"),
    )
    if "record" in steps:
        metrics.plot.hits.add(3)
        timer = metrics.plot.took.start()
        time.sleep(0.01)
        metrics.plot.took.stop_and_accumulate(timer)
        metrics.plot.memory.accumulate(17)
        metrics.plot.seen.set(datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=-7))))
        metrics.plot.opened.record(metrics.plot.OpenedExtra(n=7))
    if "submit" in steps:
        pings.watering.submit(0)
    # Uploads run in another process, which ends with this one.
    time.sleep(4)
    if "linger" in steps:
        time.sleep(4)
    if "opt-out" in steps:
        Glean.set_upload_enabled(False)
        time.sleep(4)


main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
