"""`convert` beside other processes: it receives every acknowledged ping, and reports each wait."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from telemetry_server.demo.temporary_server import TemporaryServer, bare_environment
from tests.support.data_root import World, a_ping, an_id, submitted
from tests.support.running_server import running_server, telemetry_server
from tests.support.waiting import PATIENCE_SECONDS, until
from tests.support.whole_server import is_alive, kill, processes_of

PINGS = 5
OFFLINE = {"TELEMETRY_REVISION_OFFLINE": "true"}


def post(server: TemporaryServer, number: int) -> None:
    request = urllib.request.Request(
        f"{server.url}/submit/telemetry/{an_id(number)}",
        data=submitted(a_ping(number), number).body,
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        assert answer.status == 200


def converted(data: Path) -> tuple[int, str]:
    """Run `convert`; return how many submissions it received, and its messages."""
    done = telemetry_server("convert", "--json", "--data", str(data), **OFFLINE)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["received"], done.stderr


@pytest.mark.parametrize(
    "order", ["stopped", "stopping", "frozen", "frozen while stopping", "killed", "orphaned"]
)
def test_convert_receives_every_acknowledged_ping_in_any_server_state(tmp_path: Path, order: str) -> None:
    """The server may hold an unsealed segment, be draining, or have lost its supervisor."""
    with running_server(tmp_path, "--no-convert", workers="2") as server:
        for number in range(PINGS):
            post(server, number)
        processes = processes_of(server)
        if order == "stopped":
            assert server.stop()
        if order.startswith("frozen"):
            for pid in processes.workers:
                os.kill(pid, signal.SIGSTOP)
        if order in ("stopping", "frozen while stopping"):
            server.process.send_signal(signal.SIGTERM)
        if order == "killed":
            kill(*processes.all)
        if order == "orphaned":
            kill(processes.supervisor)
            server.process.wait()
        try:
            received, messages = converted(server.data)
        finally:
            for pid in processes.workers:
                if is_alive(pid):
                    os.kill(pid, signal.SIGCONT)
        assert received == PINGS
        if order in ("frozen", "frozen while stopping"):
            assert "a running server still writes to" in messages
        assert converted(server.data)[0] == 0


def test_a_run_without_new_submissions_says_why(tmp_path: Path) -> None:
    """Either none was ever received, or earlier runs received all of them."""
    assert "has never received a submission" in converted(tmp_path)[1]
    world = World(tmp_path)
    world.receive(submitted(a_ping(number), number) for number in range(3))
    assert converted(tmp_path)[0] == 3

    received, messages = converted(tmp_path)
    assert received == 0
    assert "3 submissions were received by earlier runs" in messages


async def test_a_run_that_waits_for_another_converter_reports_what_that_one_received(tmp_path: Path) -> None:
    """The other converter holds the lock from the start, and converts all before it releases it."""
    world = World(tmp_path)
    world.put_specs()
    world.receive(submitted(a_ping(number), number) for number in range(4))
    messages_path = tmp_path / "messages"
    async with AsyncExitStack() as stack:
        other = await world.opened(stack)
        async with other.turn():
            with messages_path.open("wb") as messages:
                run = subprocess.Popen(  # noqa: ASYNC220
                    [sys.executable, "-m", "telemetry_server", "convert", "--json", "--data", str(tmp_path)],
                    stdout=subprocess.PIPE,
                    stderr=messages,
                    env=bare_environment() | OFFLINE,
                )
            await until(lambda: b"waiting for it" in messages_path.read_bytes())
            assert run.poll() is None
            await other._read_on(lambda: False)
        out, _ = await asyncio.to_thread(run.communicate)

    assert run.returncode == 0
    assert json.loads(out)["received"] == 0
    assert "another process received 4 submissions during this run" in messages_path.read_text()
