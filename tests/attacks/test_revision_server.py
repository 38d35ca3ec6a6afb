"""Only the configured revision server is contacted, and a slow revision server does not delay clients."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
import pytest

from histogram_specs.definition_files import REPOSITORY_PATHS
from histogram_specs.sources.http import TOTAL_SECONDS
from tests.attacks.test_bombs import GoodClients
from tests.attacks.test_mutated_bodies import ended, metric, scrape
from tests.support.data_root import REVISION, SPEC, a_ping, an_id
from tests.support.edges import RunningServer, a_request, running_server
from tests.support.running_server import result_of
from tests.support.waiting import PATIENCE_SECONDS, bound_under_load, wait_for

CHANGESET = "0123456789ab"
HELD_UP_SECONDS = 1.0  # longer than pauses of a busy machine, shorter than a wait for a fetch


@pytest.fixture(scope="module", autouse=True)
def has_fast_lane() -> None:
    """Replace the fixture that runs each test twice: both paths lead to the same converter."""


@contextmanager
def canary() -> Iterator[tuple[int, list[object]]]:
    """Yield a port that must not be contacted, and the list of its callers."""
    callers: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        done = threading.Event()

        def listen() -> None:
            while not done.is_set():
                try:
                    connection, address = listening.accept()
                except TimeoutError:
                    continue
                callers.append(address)
                connection.close()

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield listening.getsockname()[1], callers
        finally:
            done.set()
            thread.join()


class RevisionServer:
    """Answers with the entry of *texts* for a path, answers 404, or hangs; records the requested paths."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.texts: dict[str, bytes] = {}
        self.hangs = threading.Event()
        self.released = threading.Event()

    @contextmanager
    def running(self) -> Iterator[str]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.paths.append(self.path)
                if owner.hangs.is_set():
                    owner.released.wait(PATIENCE_SECONDS)
                text = next((text for part, text in owner.texts.items() if part in self.path), None)
                self.send_response(404 if text is None else 200)
                self.send_header("Content-Length", str(len(text or b"")))
                self.end_headers()
                self.wfile.write(text or b"")

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            self.released.set()
            server.shutdown()
            thread.join()
            server.server_close()


def post(server: RunningServer, number: int, revision: object) -> None:
    ping = a_ping(number)
    ping["info"]["revision"] = revision
    request = a_request(orjson.dumps(ping), path=f"/submit/telemetry/{an_id(number)}")
    assert [answer.status for answer in server.talk(request, half_close=True)] == [200]


def test_a_host_that_a_ping_names_is_never_contacted(tmp_path):
    """For any form of the revision, the configured server gets a plain name or no request at all."""
    revision_server = RevisionServer()
    revision_server.texts = {f"/{REVISION.repository}/raw-file/{CHANGESET}": orjson.dumps(SPEC)}
    with canary() as (port, callers), revision_server.running() as url:
        host = f"127.0.0.1:{port}"
        honest = [
            f"http://{host}/mozilla-central/rev/{CHANGESET}",
            f"https://{host}/mozilla-central/rev/{CHANGESET}",
        ]
        odd = [
            f"http://user:secret@{host}/mozilla-central/rev/{CHANGESET}",
            f"http://{host}/../../{host}/rev/{CHANGESET}",
            f"http://{host}/a/../../etc/rev/{CHANGESET}",
            f"http://{host}/%2e%2e/%2e%2e/rev/{CHANGESET}",
            f"http://{host}/mozilla-central/rev/{CHANGESET}?x=http://{host}/",
            f"http://{host}/mozilla-central/rev/{CHANGESET}#@{host}",
            f"http://{host}/mozilla-central/rev/../{CHANGESET}",
            f"http://{host}/mozilla-central/rev/{CHANGESET}\r\nHost: {host}",
            f"http://{host}/mozilla-central/rev/{CHANGESET}\x00",
            f"http://{host}/mozilla-central/rev/{'A' * 40}",
            f"http://{host}/mozilla-central/rev/{'a' * 5000}",
            f"http://{host}//{host}/rev/{CHANGESET}",
            f"//{host}/mozilla-central/rev/{CHANGESET}",
            f"file:///etc/passwd/rev/{CHANGESET}",
            f"ftp://{host}/mozilla-central/rev/{CHANGESET}",
            f"gopher://{host}/_/rev/{CHANGESET}",
            f"javascript://{host}/mozilla-central/rev/{CHANGESET}",
            f"http://[::ffff:127.0.0.1]:{port}/mozilla-central/rev/{CHANGESET}",
            f"http://2130706433:{port}/mozilla-central/rev/{CHANGESET}",
            f"http://{host}\\@hg.mozilla.org/mozilla-central/rev/{CHANGESET}",
            {"$ref": f"http://{host}/"},
            [f"http://{host}/"],
        ]
        with running_server(tmp_path, environment={"TELEMETRY_REVISION_SERVER": url}) as server:
            for number, revision in enumerate((*honest, *odd)):
                post(server, number, revision)
            wait_for(lambda: ended(scrape(server)) >= len(honest) + len(odd))
            stored = metric(scrape(server), "telemetry_pings_stored_total")
            log = server.log()
            assert server.stop() == 0
    report = result_of("audit", "--data", str(server.data))

    assert callers == []
    # Pings that name an existing repository are converted with it, whatever host they name.
    assert sum(stored.values()) >= len(honest)
    assert report["balanced"]
    assert report["total"]["pending"] == 0
    for path in revision_server.paths:
        assert path.count("/raw-file/") == 1
        assert not any(odd_part in path for odd_part in ("..", "%", "?", "#", "@", "//", "\\", ":"))
    names = {path.name for path in (server.data / "specs").rglob("*") if path.is_file()}
    assert names <= {*REPOSITORY_PATHS, ".fetched"}
    assert "secret" not in log


@pytest.mark.slow
def test_a_hanging_revision_server_does_not_delay_clients(tmp_path):
    """Clients are answered at once, and pings with cached definitions are stored."""
    revision_server = RevisionServer()
    revision_server.texts = {f"/{REVISION.repository}/raw-file/{REVISION.changeset}": orjson.dumps(SPEC)}
    with (
        revision_server.running() as url,
        running_server(tmp_path, environment={"TELEMETRY_REVISION_SERVER": url}) as server,
    ):
        revision = f"https://hg.mozilla.org/{REVISION.repository}/rev/{REVISION.changeset}"
        post(server, 900_000, revision)
        wait_for(lambda: ended(scrape(server)) >= 1)
        with GoodClients(server) as before:
            time.sleep(3)
        requests_before = len(revision_server.paths)
        hanging_since = time.monotonic()
        revision_server.hangs.set()
        for number in range(1, 301):
            post(server, 910_000 + number, f"https://hg.mozilla.org/mozilla-central/rev/{number:040x}")
        with GoodClients(server, first=500_000) as meanwhile:
            time.sleep(3)
        ended_before = 1 + len(before.latencies) + len(meanwhile.latencies)
        wait_for(lambda: ended(scrape(server)) >= ended_before)
        post(server, 900_001, revision)
        wait_for(lambda: ended(scrape(server)) > ended_before)
        requests_while_hanging = len(revision_server.paths) - requests_before
        rounds = 1 + (time.monotonic() - hanging_since) // TOTAL_SECONDS
        assert server.stop() == 0
    print(f"p99 {before.p99() * 1000:.0f} ms before, {meanwhile.p99() * 1000:.0f} ms while it hangs")

    assert set(before.statuses) == set(meanwhile.statuses) == {200}
    assert meanwhile.p99() <= max(bound_under_load(HELD_UP_SECONDS), 3 * before.p99())
    assert requests_while_hanging <= 4 * rounds  # four at once, each waits for its whole time
    total = result_of("audit", "--data", str(server.data))["total"]
    assert total["pending"] == 300
