"""`serve` as an operator sees it: start, printed addresses, killed workers, drain, balanced counts."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from uuid import UUID

import pytest

from tests.support.console_script import console_script
from tests.support.edges import RunningServer, a_request, kept_in, running_server
from tests.support.waiting import PATIENCE_SECONDS, wait_for


def command(*words: str, data: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "telemetry_server", *words, "--data", str(data)],
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def send_until_stopped(
    server: RunningServer, first: int, acknowledged: list[int], stop: threading.Event
) -> None:
    """Post bodies numbered from *first*, each on a connection of its own, noting those answered 200."""
    number = first
    while not stop.is_set():
        number += 1
        try:
            answers = server.talk(a_request(b"%d" % number), half_close=True, patience=PATIENCE_SECONDS)
        except OSError:
            continue  # refused: the port is closed
        statuses = [answer.status for answer in answers]
        assert set(statuses) <= {200, 503}, statuses
        if statuses == [200]:
            acknowledged.append(number)


def test_the_first_lines_give_the_address_and_the_commands(tmp_path):
    """With the chosen port, and quotes for a shell; other users cannot read the data root."""
    folder = tmp_path / "my data"
    folder.mkdir()
    with running_server(folder, workers=2) as server:
        wait_for(lambda: "explain" in server.log())  # the last of them; workers answer before
        said = server.log()
        assert f"'http://127.0.0.1:{server.port}/submit/telemetry/" in said
        assert f"cat converted --data '{server.data}'" in said
        assert [answer.status for answer in server.talk(a_request(), half_close=True)] == [200]
        assert server.stop() == 0

    assert [kept.body for kept in kept_in(server.data / "raw")] == [b"{}"]
    for path in [server.data, *server.data.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_file_of_the_working_folder_hides_no_module_of_python(tmp_path):
    """No process of the server imports it: pings are stored and summed up there, too."""
    for name in ("csv", "random", "json", "queue"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    said = tmp_path / "said"
    words = ["serve", "--port", "0", "--workers", "1", "--data", str(tmp_path / "data")]
    with said.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(console_script(tmp_path / "bin")), *words],
            cwd=tmp_path,
            env=os.environ | {"TELEMETRY_AGGREGATE_SECONDS": "1", "TELEMETRY_REPORTS_PORT": "off"},
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(lambda: "Listening on" in said.read_text())
        port = int(re.search(r"Listening on http://127\.0\.0\.1:(\d+)/", said.read_text())[1])
        request = a_request(b'{"a": 1}', path=f"/submit/own/hello/1/{UUID(int=1)}")
        RunningServer(process, tmp_path / "data", said, port).talk(request, half_close=True)
        sums = tmp_path / "data" / "state" / "aggregates"
        wait_for(lambda: any(path.is_dir() for path in sums.glob("[0-9]*")))
    finally:
        process.terminate()

    assert process.wait(PATIENCE_SECONDS) == 0
    assert "imported" not in said.read_text()


CURL_COMMAND = re.compile(r"send a ping: +(curl .*)$", re.MULTILINE)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize(
    ("settings", "filed"),
    [
        ({}, "idle_daily/Firefox/release/25.0/20131021000000"),
        ({"TELEMETRY_NAMESPACES": "telemetry,garden"}, "idle_daily/Firefox/release/25.0/20131021000000"),
        ({"TELEMETRY_NAMESPACES": "garden"}, "OTHER/OTHER/OTHER/1.0/UNKNOWN"),
    ],
)
def test_the_printed_curl_command_stores_a_ping(tmp_path, settings, filed):
    """For every setting of namespaces."""
    settings |= {"TELEMETRY_REVISION_OFFLINE": "true", "TELEMETRY_CONVERT_PROCESSES": "1"}
    with running_server(tmp_path, environment=settings) as server:
        # The server may answer before its last line is in the log.
        wait_for(lambda: CURL_COMMAND.search(server.log()))
        (curl,) = CURL_COMMAND.findall(server.log())
        done = subprocess.run(
            ["sh", "-c", curl], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True
        )
        assert "200 OK" in done.stdout
        wait_for(lambda: list((server.data / "converted").glob(f"*/{filed}/*.zst")))
        assert server.stop() == 0


def test_a_killed_worker_is_restarted_and_nothing_acknowledged_is_lost(tmp_path):
    """Under load; then SIGTERM under load: 200, 503 or refused, and exit 0."""
    acknowledged: list[int] = []
    stop = threading.Event()
    with running_server(tmp_path, "--no-convert", workers=2) as server:
        clients = [
            threading.Thread(target=send_until_stopped, args=(server, client * 1_000_000, acknowledged, stop))
            for client in range(4)
        ]
        for client in clients:
            client.start()
        wait_for(lambda: len(acknowledged) > 50)
        before = server.children()
        os.kill(next(iter(before)), signal.SIGKILL)
        wait_for(lambda: len(server.children()) == 2 and server.children() != before)
        enough = len(acknowledged) + 100
        wait_for(lambda: len(acknowledged) > enough)
        status = server.stop()
        stop.set()
        for client in clients:
            client.join()

    kept = [int(submission.body) for submission in kept_in(server.data / "raw")]
    assert status == 0
    assert set(acknowledged) <= set(kept)
    assert len(kept) == len(set(kept))
    assert "process died" in server.log()


def test_submissions_are_converted_without_a_command(tmp_path):
    """The commit wakes the converter; the counts balance while it runs."""
    with running_server(tmp_path) as server:
        server.talk(a_request(b"no JSON"), half_close=True)

        def is_converted() -> bool:
            audit = command("audit", "--json", data=server.data)
            return audit.returncode == 0 and json.loads(audit.stdout)["total"]["quarantined"] == 1

        wait_for(is_converted)
        assert server.stop() == 0


def test_all_processes_end_when_the_supervisor_is_killed(tmp_path):
    """The next start finds all acknowledged submissions."""
    with running_server(tmp_path, workers=2) as server:
        server.talk(a_request(b"1"), half_close=True)
        wait_for(lambda: len(server.children()) == 3)  # the converter starts after the workers
        children = server.children()
        server.process.kill()
        server.process.wait()
        wait_for(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in children))
    with running_server(tmp_path, "--no-convert") as server:
        server.talk(a_request(b"2"), half_close=True)
        assert server.stop() == 0

    assert [kept.body for kept in kept_in(server.data / "raw")] == [b"1", b"2"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--host", "203.0.113.1"], "cannot listen on 203.0.113.1"),
        (["--port", "seven"], "port (from --port)"),
        (["--workers", "0"], "workers (from --workers)"),
    ],
)
def test_an_impossible_option_gives_a_one_line_error(tmp_path, words, text):
    """Exit status 78, without a traceback."""
    done = command("serve", "--port", "0", *words, data=tmp_path / "data")

    assert done.returncode == 78
    assert text in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_a_second_server_on_the_same_port_is_refused(tmp_path):
    """It would receive half of the submissions unnoticed."""
    with running_server(tmp_path, "--no-convert") as server:
        done = command("serve", "--port", str(server.port), data=tmp_path / "other")

        assert done.returncode == 78
        assert f"127.0.0.1:{server.port} is in use" in done.stderr.decode()


def test_a_file_as_data_root_is_refused(tmp_path):
    """With a one-line error."""
    (tmp_path / "data").write_text("not a folder")
    done = command("serve", "--port", "0", data=tmp_path / "data")

    assert done.returncode == 78
    assert "not a folder; name the data root with --data" in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1
