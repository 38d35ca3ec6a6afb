"""The aggregates of a running server."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

from telemetry_server.aggregates import follower
from telemetry_server.aggregates.follower import MODULE, UpdateProcess
from tests.aggregates.pings import FIXTURE, REVISION, SPEC, Aggregates
from tests.support.data_root import World
from tests.support.running_server import running_server
from tests.support.waiting import PATIENCE_SECONDS
from tests.support.whole_server import children_of


def test_serve_keeps_the_aggregates_up_to_date(tmp_path):
    """No command is needed."""
    (tmp_path / "data").mkdir()
    world = World(tmp_path / "data")
    world.put_specs(REVISION, SPEC)
    with running_server(tmp_path, aggregate_seconds="1") as server:
        for ping in FIXTURE.values():
            submission = ping.submission()
            request = urllib.request.Request(
                server.url + submission.path, data=submission.body, method="POST"
            )
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                assert answer.status == 200
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not Aggregates(world).reader.days:
            assert time.monotonic() < deadline
            time.sleep(0.2)

    assert Aggregates(world).answer(by="version")["rows"][0]["samples"] > 0


async def test_one_process_answers_each_request_until_it_is_stopped(tmp_path):
    """It keeps what it has imported; a process that was killed is replaced."""
    others = set(children_of(os.getpid()))
    process = UpdateProcess(World(tmp_path / "data").root)
    assert await process.update() is None
    (own,) = set(children_of(os.getpid())) - others
    assert await process.update() is None
    assert set(children_of(os.getpid())) - others == {own}

    os.kill(own, signal.SIGKILL)
    assert await process.update() == "the process of the update ended with -9"
    assert await process.update() is None

    await process.stop()
    assert set(children_of(os.getpid())) <= others


async def test_a_process_that_took_much_memory_ends_after_its_answer(tmp_path, monkeypatch):
    """The next request starts another one."""
    monkeypatch.setattr(follower, "MODULE", "tests.aggregates.small_update_process")
    others = set(children_of(os.getpid()))
    process = UpdateProcess(World(tmp_path / "data").root)

    assert [await process.update(), await process.update()] == [None, None]
    assert set(children_of(os.getpid())) <= others


def test_an_update_process_ends_with_its_parent(tmp_path):
    """The end of stdin is the end of the parent."""
    World(tmp_path / "data")
    command = [sys.executable, "-m", MODULE, str(tmp_path / "data")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == {"error": None, "ends": False}
        process.stdin.close()
        assert process.wait(PATIENCE_SECONDS) == 0
