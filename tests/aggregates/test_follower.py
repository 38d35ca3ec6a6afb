"""The aggregates of a running server."""

import subprocess
import sys
import time
import urllib.request

from telemetry_server.aggregates.follower import MODULE
from tests.aggregates.pings import FIXTURE, REVISION, SPEC, Aggregates
from tests.support.data_root import World
from tests.support.running_server import running_server
from tests.support.waiting import PATIENCE_SECONDS


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


def test_an_update_ends_well_while_its_parent_lives(tmp_path):
    """It waits for the end of stdin beside its work, and ends with 0 before that."""
    World(tmp_path / "data")
    command = [sys.executable, "-m", MODULE, str(tmp_path / "data")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.wait(PATIENCE_SECONDS) == 0
        assert process.stderr.read() == b""
