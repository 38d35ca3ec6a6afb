"""Ctrl-C while the program starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from telemetry_server.cli.exit_status import ExitStatus
from tests.support.waiting import PATIENCE_SECONDS

INTERRUPTED_MODULE = """
import os, signal
os.kill(os.getpid(), signal.SIGINT)
ArgumentParser = Namespace = object
"""
SCRIPT = Path(sys.executable).with_name("telemetry-server")


@pytest.mark.parametrize("program", [(SCRIPT,), (sys.executable, "-m", "telemetry_server")])
@pytest.mark.parametrize("words", [("audit",), ("--help",)])
def test_ctrl_c_during_the_first_imports_says_nothing_and_ends_with_130(tmp_path, program, words):
    """It comes while a module is imported that the list of commands needs."""
    (tmp_path / "argparse.py").write_text(INTERRUPTED_MODULE)
    done = subprocess.run(
        [*program, *words],
        env=dict(os.environ, PYTHONPATH=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )

    assert done.stderr == ""
    assert done.returncode == ExitStatus.INTERRUPTED
