"""`convert` beside other processes: it receives all that was answered 200, and reports when it waits."""

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
from tests.support.waiting import until
from tests.support.whole_server import is_alive, kill, processes_of

PINGS = 5
OFFLINE = {"TELEMETRY_REVISION_OFFLINE": "true"}


def post(server: TemporaryServer, number: int) -> None:
    request = urllib.request.Request(
        f"{server.url}/submit/telemetry/{an_id(number)}",
        data=submitted(a_ping(number), number).body,
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200


def converted(data: Path) -> tuple[int, str]:
    """The received count of a run of `convert`, and its output on stderr."""
    done = telemetry_server("convert", "--json", "--data", str(data), **OFFLINE)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["received"], done.stderr


@pytest.mark.parametrize(
    "order", ["stopped", "stopping", "frozen", "frozen while stopping", "killed", "orphaned"]
)
def test_everything_answered_200_is_received_in_any_state_of_the_server(tmp_path: Path, order: str) -> None:
    """Its segment may be open, it may be draining, or its supervisor may have ended before its workers."""
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
            received, said = converted(server.data)
        finally:
            for pid in processes.workers:
                if is_alive(pid):
                    os.kill(pid, signal.SIGCONT)
        assert received == PINGS
        if order in ("frozen", "frozen while stopping"):
            assert "a running server still writes to" in said
        assert converted(server.data)[0] == 0


def test_a_run_that_receives_nothing_prints_why(tmp_path: Path) -> None:
    """There were no submissions, or an earlier run received all of them."""
    assert "has never received a submission" in converted(tmp_path)[1]
    world = World(tmp_path)
    world.receive(submitted(a_ping(number), number) for number in range(3))
    assert converted(tmp_path)[0] == 3

    received, said = converted(tmp_path)
    assert received == 0
    assert "3 submissions were received by earlier runs" in said


async def test_a_run_that_waits_for_another_converter_prints_that_and_what_the_other_received(
    tmp_path: Path,
) -> None:
    """The other has the lock before the run begins, and converts everything before it releases it."""
    world = World(tmp_path)
    world.put_specs()
    world.receive(submitted(a_ping(number), number) for number in range(4))
    said_path = tmp_path / "said"
    async with AsyncExitStack() as stack:
        other = await world.opened(stack)
        async with other.turn():
            with said_path.open("wb") as said:
                run = subprocess.Popen(  # noqa: ASYNC220
                    [sys.executable, "-m", "telemetry_server", "convert", "--json", "--data", str(tmp_path)],
                    stdout=subprocess.PIPE,
                    stderr=said,
                    env=bare_environment() | OFFLINE,
                )
            await until(lambda: b"waiting for it" in said_path.read_bytes(), 30)
            assert run.poll() is None
            await other._read_on(lambda: False)
        out, _ = await asyncio.to_thread(run.communicate)

    assert run.returncode == 0
    assert json.loads(out)["received"] == 0
    assert "another process received 4 submissions during this run" in said_path.read_text()
