"""A real Glean client (glean-sdk for Python) sends to a real server."""

import json
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from telemetry_server.demo.temporary_server import bare_environment
from telemetry_server.doctypes.catalogue import Catalogue
from telemetry_server.pings.doctype_check import DoctypeStatus
from telemetry_server.pings.inflate import inflate
from tests.support.independent_scan import hits
from tests.support.running_server import result_of, running_server, telemetry_server
from tests.support.shared_data import shared_data
from tests.support.waiting import PATIENCE_SECONDS, wait_for

pytestmark = pytest.mark.slow

NAMESPACE = "org-example-garden"
CLIENT = Path(__file__).with_name("glean_client.py")


@pytest.fixture
def glean(glean_python, tmp_path):
    """A function that runs the client once: ``glean(url, "record", "submit", "opt-out")``."""

    def run(url: str, *steps: str, **environment: str) -> None:
        subprocess.run(
            [glean_python, CLIENT, url, tmp_path / "client", *steps],
            check=True,
            env=bare_environment() | environment,
            timeout=120,
        )

    return run


def records(data: Path) -> list[dict[str, Any]]:
    """Return the stored records, in order of arrival."""
    done = telemetry_server("cat", "converted", "--data", str(data))
    found = [json.loads(line.partition("\t")[2]) for line in done.stdout.splitlines()]
    return sorted(found, key=lambda record: record["metadata"]["submission_timestamp"])


def of_doctype(found: list[dict[str, Any]], doctype: str) -> list[dict[str, Any]]:
    return [record for record in found if record["metadata"]["doctype"] == doctype]


def settle(server, at_least: int) -> dict[str, Any]:
    """Wait until everything is converted; return the counts of `audit`."""
    server.wait_until_converted(at_least)
    time.sleep(1)
    while server.counted("telemetry_submissions_received_total") > server.ended():
        time.sleep(0.2)
    return result_of("audit", "--data", str(server.data))["total"]


def test_a_client_from_first_start_to_opt_out(glean, tmp_path):
    """Two runs: metrics of each kind, events, a restart, and the deletion request."""
    tags = {"GLEAN_DEBUG_VIEW_TAG": "plot-1", "GLEAN_SOURCE_TAGS": "automation,bed-2"}
    with running_server(tmp_path) as server:
        glean(server.url, "record", "submit", **tags)
        glean(server.url, "record", "submit", "opt-out")
        total = settle(server, 5)
        found = records(server.data)

    assert total["received"] == total["stored"] >= 5
    assert {record["metadata"]["namespace"] for record in found} == {NAMESPACE}
    first, second = of_doctype(found, "watering")
    assert first["metadata"]["header"]["x_debug_id"] == "plot-1"
    assert first["metadata"]["header"]["x_source_tags"] == "automation,bed-2"
    assert "x_debug_id" not in second["metadata"]["header"]
    assert first["metadata"]["normalized_channel"] == "nightly"
    assert first["metadata"]["client_id"] == first["client_info"]["client_id"]
    assert (first["ping_info"]["seq"], second["ping_info"]["seq"]) == (0, 1)
    assert first["metrics"]["counter"]["plot.hits"] == 3
    # Stored as sent: lower bounds of buckets, not values.
    assert first["metrics"]["memory_distribution"]["plot.memory"]["sum"] == 17408
    assert sum(first["metrics"]["timing_distribution"]["plot.took"]["values"].values()) == 1
    events = [event for record in of_doctype(found, "events") for event in record["events"]]
    opened = [event for event in events if event["name"] == "opened"]
    assert opened[0]["extra"]["n"] == "7"
    (order,) = of_doctype(found, "deletion-request")
    assert order["metadata"]["deletion_order"] == {"ids": [first["client_info"]["client_id"]]}


def test_every_ping_matches_the_schema_of_glean(glean, tmp_path):
    """A copy of the schema registers an application, and nothing is refused."""
    schema = shared_data("pipeline-schemas", "schemas/glean/glean/glean.1.schema.json")
    catalogue = Catalogue(shared_data("pipeline-schemas", "schemas"))
    for doctype in ("watering", "events", "health", "deletion-request"):
        copy = tmp_path / f"schemas/{NAMESPACE}/{doctype}/{doctype}.1.schema.json"
        copy.parent.mkdir(parents=True)
        copy.write_bytes(schema.read_bytes())
    settings = {"schemas_dir": str(tmp_path / "schemas"), "require_registration": "true"}
    with running_server(tmp_path, **settings) as server:
        glean(server.url, "record", "submit", "opt-out")
        total = settle(server, 3)
        raw = telemetry_server("cat", "raw", "--data", str(server.data)).stdout.splitlines()
        folders = sorted(path.name for path in (server.data / "converted").glob("*/*"))

    assert total["quarantined"] == 0
    assert total["stored"] == len(raw) >= 3
    assert {"watering", "deletion_request"} <= set(folders)
    for line in raw:
        ping = json.loads(line.partition("\t")[2])["body"]
        assert catalogue.check("glean", "glean", "1", ping, b"").status is DoctypeStatus.VALID


@contextmanager
def stumbling(url: str, failures: int) -> Iterator[tuple[str, list[tuple[str, bytes, int]]]]:
    """A proxy for *url* that answers 500 at first; yield its URL and the requests that it saw."""
    import urllib.request

    seen: list[tuple[str, bytes, int]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = 500
            if len(seen) >= failures:
                request = urllib.request.Request(url + self.path, body, dict(self.headers), method="POST")
                with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                    status = answer.status
            seen.append((self.path, body, status))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=proxy.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{proxy.server_port}", seen
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()


def test_a_ping_that_was_answered_with_500_is_sent_again_and_stored_once(glean, tmp_path):
    """It is sent with the same id and bytes until the server accepts it."""
    with running_server(tmp_path) as server, stumbling(server.url, failures=1) as (url, seen):
        glean(url, "record", "submit", "linger")
        glean(url, "linger")
        total = settle(server, 2)
        found = records(server.data)

    failed = [(path, inflate(body).data) for path, body, status in seen if status == 500]
    taken = [(path, inflate(body).data) for path, body, status in seen if status == 200]
    assert len(failed) == 1
    assert failed[0] in taken
    assert total["stored"] == total["received"] == len(taken)
    assert len({record["metadata"]["document_id"] for record in found}) == len(found)


def test_an_opt_out_deletes_the_earlier_pings_of_the_client_everywhere(glean, tmp_path):
    """With a delay of 0 the server deletes them, and the request itself, within some seconds."""
    with running_server(tmp_path, deletion_delay_days="0") as server:
        glean(server.url, "record", "submit")
        settle(server, 2)
        (first, *_) = of_doctype(records(server.data), "watering")
        client_id = first["client_info"]["client_id"]
        assert hits(server.data, [client_id])
        glean(server.url, "opt-out")
        wait_for(lambda: is_gone(server.data, client_id))
        total = result_of("audit", "--data", str(server.data))

    assert total["balanced"]
    assert total["total"]["deleted"] >= 3
    assert records(server.data) == []


def hits_or_changes(data: Path, client_id: str) -> bool:
    """Return whether a file holds *client_id*, or vanished while it was read."""
    try:
        return bool(hits(data, [client_id]))
    except (FileNotFoundError, sqlite3.Error):
        return True


def is_gone(data: Path, client_id: str) -> bool:
    """Return whether no file holds *client_id*; the next look, at every file, is a second later."""
    if hits_or_changes(data, client_id):
        time.sleep(1)
        return False
    return True
