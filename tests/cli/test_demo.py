"""``demo``: what is left of it."""

import os
import signal
import subprocess
import sys

import pytest

from telemetry_server.cli.status import ExitStatus
from telemetry_server.cli.throwaway import bare_environment


@pytest.mark.slow
@pytest.mark.parametrize(
    "signals", [(signal.SIGINT,), (signal.SIGTERM,), (signal.SIGTERM, signal.SIGTERM)], ids=str
)
def test_nothing_is_left_of_a_demo_that_was_ended(tmp_path, signals):
    """No folder and no server, though both get the signal, and from `timeout` get it twice."""
    demo = subprocess.Popen(
        [sys.executable, "-m", "telemetry_server", "demo"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=bare_environment() | {"TMPDIR": str(tmp_path)},
        start_new_session=True,
    )
    assert demo.stderr is not None
    with demo.stderr:
        assert b"sending" in demo.stderr.readline()
        assert [path.name.startswith("telemetry-demo-") for path in tmp_path.iterdir()] == [True]
        for number in signals:
            os.killpg(demo.pid, number)

        assert demo.wait(30) == ExitStatus.INTERRUPTED
    assert not list(tmp_path.iterdir())
    with pytest.raises(ProcessLookupError):
        os.killpg(demo.pid, 0)
