"""With a prefetched history, pings of any build of its repositories are converted without the network."""

import http.server
import threading
import time

import orjson
import pytest

from histogram_specs.cache.revision_cache import RevisionCache
from histogram_specs.revision import Revision
from tests.histogram_specs import mercurial
from tests.support.data_root import REVISION, SPEC, World, a_ping, an_id, submitted
from tests.support.running_server import running_server
from tests.support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.slow

LATER_SPEC = {**SPEC, "NOT_THERE": {"kind": "flag", "description": "", "expires_in_version": "never"}}


def test_a_ping_is_converted_with_the_definitions_of_its_build(tmp_path, command):
    """They are found by revision, by build date, or by an alias; without any of them the ping is refused."""
    (tmp_path / "data").mkdir()
    world = World(tmp_path / "data")
    with mercurial.installed(tmp_path / "venv") as hg:
        repository = mercurial.Repository(hg, tmp_path / "repositories" / "mozilla-central")
        first = repository.commit("2014-01-10", orjson.dumps(SPEC))
        quiet = repository.commit("2014-01-20")
        later = repository.commit("2014-02-10", orjson.dumps(LATER_SPEC))
        repository.commit("2014-03-20")
        with (
            mercurial.serving(hg, tmp_path / "repositories", tmp_path / "access.log") as url,
            pytest.MonkeyPatch.context() as environment,
        ):
            environment.setenv("TELEMETRY_REVISION_SERVER", url)
            environment.setenv("TELEMETRY_REVISION_OFFLINE", "false")
            command("specs", "prefetch", "--repo", "mozilla-central", "--data", str(world.root.path))

    def built(number: int, build_id: str):
        ping = a_ping(number, revision=None)
        ping["info"]["appBuildID"] = build_id
        return submitted(ping, number)

    unknown = Revision("mozilla-central", "e" * 40)
    world.receive(
        [
            submitted(a_ping(1, revision=Revision("mozilla-central", quiet)), 1),
            built(2, "20140201030202"),
            built(3, "20140301030202"),
            built(4, "20090101030202"),
            submitted(a_ping(5, revision=unknown), 5),
            submitted(a_ping(6, revision=Revision("comm-central", "c" * 12)), 6),
        ]
    )
    command("convert", "--data", str(world.root.path))

    records = dict(world.lines())
    assert {
        document_id: record["metadata"].get("revision_source") for document_id, record in records.items()
    } == {
        an_id(1): "history",
        an_id(2): "build_date",
        an_id(3): "build_date",
        an_id(5): "build_date",
        an_id(6): "alias_build_date",
    }
    # Only the later definitions have NOT_THERE.
    assert {number for number in (1, 2, 3, 5, 6) if "NOT_THERE" in records[an_id(number)]["histograms"]} == {
        3,
        5,
        6,
    }
    assert records[an_id(6)]["metadata"]["revision"].endswith(f"mozilla-central/rev/{later}")
    assert records[an_id(2)]["info"]["revision"].endswith(first)
    assert records[an_id(3)]["info"]["revision"].endswith(later)
    (refused,) = (line for _, line in world.lines("quarantine") if "histogram" not in line)
    assert (refused["document_id"], refused["reason"]) == (an_id(4), "missing_revision")
    assert world.audit().balanced


class TroubledServer(http.server.BaseHTTPRequestHandler):
    """A revision server that answers *status*: 500 at first."""

    status = 500

    def do_GET(self):
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(orjson.dumps(SPEC))

    def log_message(self, *_):
        pass


def test_waiting_pings_are_converted_when_the_revision_server_is_back(tmp_path):
    """The running server retries every half minute, without any command."""
    import urllib.request

    (tmp_path / "data").mkdir()
    world = World(tmp_path / "data")
    log = tmp_path / "server.log"
    revision_server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), TroubledServer)
    threading.Thread(target=revision_server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{revision_server.server_address[1]}"
    with running_server(tmp_path, revision_offline="false", revision_server=url) as server:
        for number in range(3):
            submission = submitted(a_ping(number), number)
            urllib.request.urlopen(
                server.url + submission.path, data=submission.body, timeout=PATIENCE_SECONDS
            ).close()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while world.audit().total.pending < 3 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert world.audit().total.pending == 3
        while "cannot be fetched" not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.1)
        TroubledServer.status = 200
        deadline = time.monotonic() + 120
        while len(world.lines()) < 3 and time.monotonic() < deadline:
            time.sleep(0.2)
    revision_server.shutdown()
    revision_server.server_close()

    assert len(world.lines()) == 3
    assert world.audit().balanced
    (line,) = (orjson.loads(line) for line in log.read_text().splitlines() if "cannot be fetched" in line)
    assert line["Severity"] == 4
    assert line["Fields"]["or_put_file_at"] == str(RevisionCache(world.root.specs).path_of(REVISION))
