"""The targets of the Makefile pass on what they are given."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not on this machine")


def commands_of(*words: str) -> str:
    """What make would run for these words, if .venv is there already."""
    stamp = "--assume-old=.venv/.stamp"
    done = subprocess.run(
        ["make", "--dry-run", stamp, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    return done.stdout


def test_run_passes_its_ports_on():
    """The server reads both from the environment."""
    assert "PORT='9123' REPORTS_PORT='9124' " in commands_of("run", "PORT=9123", "REPORTS_PORT=9124")


def test_run_without_ports_leaves_the_defaults():
    """An empty variable counts as not set."""
    assert "PORT='' REPORTS_PORT='' " in commands_of("run", "PORT=", "REPORTS_PORT=")
