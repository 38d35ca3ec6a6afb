"""The unit file is one that systemd takes, and shuts the server in as far as it can live with."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from telemetry_server.settings.settings import SETTING_NAMES, Settings
from tests.support.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "deploy/telemetry-server.service"
MAX_EXPOSED = 20  # tenths, as `systemd-analyze security` counts; a unit without any of it is at 96

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine"
)


def directives() -> dict[str, list[str]]:
    """Every line of the unit, by its name."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^([A-Za-z]+)=(.*)$", UNIT.read_text(), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


@needs_systemd
def test_systemd_finds_nothing_wrong_with_it(tmp_path):
    """With the command that is installed here: the one in the unit need not be."""
    unit = tmp_path / UNIT.name
    command = directives()["ExecStart"][0].split()[0]
    unit.write_text(UNIT.read_text().replace(command, sys.executable))

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert UNIT.name not in done.stderr


@needs_systemd
def test_little_of_the_machine_is_exposed_to_it():
    """By systemd's own count."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", f"--threshold={MAX_EXPOSED}", UNIT],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot judge a file")

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_it_gives_the_server_time_to_drain_and_files_to_open():
    """More than the settings' defaults ask for."""
    unit = directives()
    defaults = Settings()

    assert int(unit["TimeoutStopSec"][0]) > defaults.drain_timeout_seconds + 3
    assert int(unit["LimitNOFILE"][0]) > defaults.max_connections + 256
    assert unit["Type"] == ["notify"]
    assert unit["DynamicUser"] == ["yes"]
    assert unit["RestartPreventExitStatus"] == ["78"]


@pytest.mark.parametrize("name", ["telemetry-server.service", "Containerfile"])
def test_the_settings_that_it_names_exist(name):
    """A variable that is none would stop the server with status 78."""
    named = re.findall(r"TELEMETRY_([A-Z_]+)", (ROOT / "deploy" / name).read_text())

    assert named
    assert {variable.lower() for variable in named} <= set(SETTING_NAMES)


def test_the_container_does_not_run_as_root_and_says_how_it_is():
    """Uid 10001, a health check, and only what the lock file vouches for."""
    lines = (ROOT / "deploy/Containerfile").read_text().splitlines()
    users = [line for line in lines if line.startswith("USER ")]

    assert users == ["USER 10001:10001"]
    assert lines.index(users[0]) < lines.index('ENTRYPOINT ["telemetry-server"]')
    assert any(line.startswith("HEALTHCHECK") for line in lines)
    assert any("--require-hashes" in line for line in lines)
    assert all("--no-index" in line for line in lines if re.search(r"pip install", line))
