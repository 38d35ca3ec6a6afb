"""The reports beside a real server, and alone, in processes of their own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from storage.data_root import DataRoot
from storage.disk import Disk
from telemetry_server.demo.temporary_server import bare_environment, free_port
from tests.reports.reports_server import with_access
from tests.support.edges import RunningServer, running_server
from tests.support.running_server import telemetry_server
from tests.support.waiting import PATIENCE_SECONDS, bound_under_load, wait_for
from tests.support.whole_server import children_of, open_files


def answered(url: str) -> bytes | None:
    """The body of a 200, None for anything else."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
            return answer.read()
    except (urllib.error.URLError, OSError):
        return None


@contextmanager
def served(folder: Path, *words: str, forks: bool = True, **settings: str) -> Iterator[RunningServer]:
    """``serve`` with reports on a free port."""
    environment = {"TELEMETRY_REPORTS_PORT": "0", "TELEMETRY_REVISION_OFFLINE": "true"}
    environment |= {f"TELEMETRY_{name.upper()}": value for name, value in settings.items()}
    with running_server(folder, *words, environment=environment, forks=forks) as server:
        yield server


def reports_of(server: RunningServer) -> str:
    """The address that the server printed."""
    wait_for(lambda: "  reports:" in server.log())
    found = re.search(r"reports: +(http://127\.0\.0\.1:\d+)/", server.log())
    assert found, server.log()
    return found[1]


def reports_process(server: RunningServer, url: str) -> int:
    """The process that listens there."""
    port = int(url.rpartition(":")[2])
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    sockets = {
        f"socket:[{words[9]}]" for words in lines if words[1].endswith(f":{port:04X}") and words[3] == "0A"
    }
    (found,) = [child for child in children_of(server.process.pid) if sockets & set(open_files(child))]
    return found


def test_a_ping_is_shown_within_seconds_and_the_edge_names_the_reports(tmp_path):
    """On the first page, and on its own; no route of the reports is on the edge."""
    with served(tmp_path) as server:
        url, edge = reports_of(server), f"http://127.0.0.1:{server.port}"
        empty = answered(f"{url}/")
        document_id = str(uuid4())
        request = urllib.request.Request(
            f"{edge}/submit/example/hello/1/{document_id}", b'{"greeting": "hi"}'
        )
        urllib.request.urlopen(request, timeout=PATIENCE_SECONDS).close()
        started = time.monotonic()
        wait_for(lambda: document_id.encode() in (answered(f"{url}/") or b""))
        wait_for(lambda: b"stored" in (answered(f"{url}/pings/{document_id}") or b""))
        took = time.monotonic() - started
        about = answered(f"{edge}/")
        paths = json.loads(answered(f"{url}/api/openapi.json"))["paths"]
        on_the_edge = [path for path in [*paths, "/pings", "/sign-in"] if answered(edge + path) is not None]

    assert took < bound_under_load(10.0)
    assert b"No ping has arrived yet" in empty
    assert f"{edge}/submit/example/hello/1/".encode() in empty
    assert f"reports are at {url}/".encode() in about
    assert on_the_edge == []


def test_a_killed_reports_process_comes_back_on_its_port(tmp_path):
    """While the edge answers as if nothing had happened."""
    with served(tmp_path) as server:
        url = reports_of(server)
        wait_for(lambda: answered(f"{url}/__lbheartbeat__") is not None)
        first = reports_process(server, url)
        os.kill(first, signal.SIGKILL)
        edge = answered(f"http://127.0.0.1:{server.port}/__heartbeat__")
        wait_for(lambda: answered(f"{url}/__lbheartbeat__") is not None)

        assert edge is not None
        assert reports_process(server, url) != first


def test_no_reports_leaves_them_out(tmp_path):
    """No process, no port, no line."""
    with served(tmp_path, "--no-reports", forks=False) as server:
        answered(f"http://127.0.0.1:{server.port}/__heartbeat__")
        priorities = [os.getpriority(os.PRIO_PROCESS, child) for child in children_of(server.process.pid)]

        assert 19 not in priorities
        assert "  reports:" not in server.log()


def test_a_port_that_is_taken_is_said_and_tried_again(tmp_path):
    """The edge goes on without it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with served(tmp_path, reports_port=str(port)) as server:
            wait_for(lambda: f"127.0.0.1:{port} is in use" in server.log())
            edge = answered(f"http://127.0.0.1:{server.port}/__heartbeat__")
            taken.close()
            wait_for(lambda: answered(f"http://127.0.0.1:{port}/__lbheartbeat__") is not None)

    assert edge is not None


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_an_unreadable_file_of_users_closes_the_reports_and_nothing_else(host, tmp_path):
    """Pings are received; the reports say why they wait, and come as soon as the file is right."""
    root = DataRoot(tmp_path / "data")
    root.prepare(Disk())
    root.access.write_text("{")
    with served(tmp_path, "--data", str(root.path), reports_host=host) as server:
        edge = f"http://127.0.0.1:{server.port}"
        request = urllib.request.Request(f"{edge}/submit/example/hello/1/{uuid4()}", b'{"greeting": "hi"}')
        urllib.request.urlopen(request, timeout=PATIENCE_SECONDS).close()
        wait_for(lambda: f"reports: {root.access}: not a file of users" in server.log())
        has_listened = "  reports:  " in server.log()
        root.access.unlink()
        with_access(root)
        wait_for(lambda: "  reports:  " in server.log())
        said = server.log().count("not a file of users")

    assert not has_listened
    assert said == 1


def test_the_reports_alone_refuse_an_unreadable_file_of_users(tmp_path, command):
    """By one line, and so do the commands that would change it."""
    command("convert", "--data", str(tmp_path))
    file = DataRoot(tmp_path).access
    file.write_text("{")
    for words in (("reports", "--port", "0"), ("users", "list"), ("tokens", "create", "--role", "admin")):
        _, said = command(*words, "--data", str(tmp_path), status=78)

        assert said.splitlines()[-1].startswith(f"telemetry-server {words[0]}: {file}: not a file of users")
    assert file.read_text() == "{"


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
@pytest.mark.parametrize("command", ["serve", "reports"])
def test_a_listener_for_other_machines_needs_users(command, host, tmp_path):
    """78 and one line that says how to add one."""
    if command == "reports":
        telemetry_server("convert", "--data", str(tmp_path))
    done = telemetry_server(
        *(command, "--data", str(tmp_path), "--port", "0"),
        TELEMETRY_REPORTS_HOST=host,
        TELEMETRY_REPORTS_PORT="0",
    )

    assert done.returncode == 78
    assert "telemetry-server users add" in done.stderr


def test_a_header_that_everyone_could_send_is_refused(tmp_path):
    """A proxy's header on a listener for all networks."""
    environment = bare_environment()
    subprocess.run(
        [
            *(sys.executable, "-m", "telemetry_server", "users", "add", "alice"),
            *("--role", "admin", "--password-stdin", "--data", str(tmp_path)),
        ],
        input=b"secret\n",
        check=True,
        env=environment,
    )
    done = telemetry_server(
        *("reports", "--data", str(tmp_path), "--host", "0.0.0.0", "--port", "0"),
        TELEMETRY_TRUSTED_USER_HEADER="X-Remote-User",
    )

    assert done.returncode == 78
    assert "reports_networks" in done.stderr


def test_the_reports_alone_read_a_copy_and_write_nothing_there(tmp_path):
    """A copy that is not written to is the same afterwards, byte for byte."""
    with served(tmp_path, "--no-reports") as server:
        request = urllib.request.Request(
            f"http://127.0.0.1:{server.port}/submit/example/hello/1/{uuid4()}", b'{"greeting": "hi"}'
        )
        urllib.request.urlopen(request, timeout=PATIENCE_SECONDS).close()
    copy = tmp_path / "data"
    telemetry_server("convert", "--data", str(copy), TELEMETRY_REVISION_OFFLINE="true")
    before = contents(copy)
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "telemetry_server", "reports", "--data", str(copy), "--port", str(port)],
        env=bare_environment(),
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: answered(f"{url}/__lbheartbeat__") is not None)
        status = json.loads(answered(f"{url}/api/v1/status"))
        pages = [answered(f"{url}{path}") for path in ("/", "/pings", "/api/v1/quarantine")]
        after = contents(copy)
    finally:
        process.send_signal(signal.SIGTERM)
        ended = process.wait(PATIENCE_SECONDS)

    assert status["total"]["stored"] == 1
    assert None not in pages
    assert after == before
    assert ended == 0


def contents(folder: Path) -> dict[str, bytes]:
    """Every file, but for the index of SQLite's log, which readers share."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }
