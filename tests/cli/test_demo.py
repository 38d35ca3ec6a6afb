"""``demo`` leaves nothing behind."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from telemetry_server.cli.exit_status import ExitStatus
from telemetry_server.demo.temporary_server import bare_environment
from tests.support.sizes import size
from tests.support.waiting import PATIENCE_SECONDS

SIGNALS = [(signal.SIGINT,), (signal.SIGTERM, signal.SIGTERM), (signal.SIGTERM,)]


@pytest.mark.slow
@pytest.mark.parametrize("signals", SIGNALS[: size(2, 3)], ids=str)
def test_an_interrupted_demo_leaves_nothing_behind(tmp_path, signals):
    """Neither a folder nor a server.  The process group gets the signal, from `timeout` even twice."""
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

        assert demo.wait(PATIENCE_SECONDS) == ExitStatus.INTERRUPTED, demo.stderr.read()
    assert not list(tmp_path.iterdir())
    assert str(tmp_path) not in command_lines()


def command_lines() -> str:
    """Return the command lines of all processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # the process ended meanwhile
            found.append(path.read_text(errors="replace"))
    return "\n".join(found)
