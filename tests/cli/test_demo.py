"""``demo`` leaves nothing behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
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
    # A demo may end before a crowded machine comes to send the signal.
    for _ in range(5):
        status = interrupted_demo(tmp_path, signals)
        if status != ExitStatus.DONE:
            break

    assert status == ExitStatus.INTERRUPTED
    assert not list(tmp_path.iterdir())
    assert str(tmp_path) not in command_lines()


def interrupted_demo(folder: Path, signals: Sequence[int]) -> int:
    """Run a demo in *folder*, and send *signals* as soon as it sends pings; return its exit status."""
    demo = subprocess.Popen(
        [sys.executable, "-m", "telemetry_server", "demo"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=bare_environment() | {"TMPDIR": str(folder)},
        start_new_session=True,
    )
    assert demo.stderr is not None
    with demo.stderr:
        assert b"sending" in demo.stderr.readline()
        assert [path.name.startswith("telemetry-demo-") for path in folder.iterdir()] in ([True], [])
        with suppress(ProcessLookupError):
            for number in signals:
                os.killpg(demo.pid, number)
        return demo.wait(PATIENCE_SECONDS)


def command_lines() -> str:
    """Return the command lines of all processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # the process ended meanwhile
            found.append(path.read_text(errors="replace"))
    return "\n".join(found)
