"""The command line as a user meets it."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from storage.errors import LedgerError, LostFile, StorageFull
from telemetry_server.cli.failures import told
from telemetry_server.cli.main import COMMANDS, main
from telemetry_server.cli.status import ExitStatus
from telemetry_server.settings import ConfigurationError
from tests.support.running_server import telemetry_server

CONTRACT_COMMANDS = {
    *("serve", "convert", "cat", "explain", "replay", "audit", "compact", "specs", "generate"),
    *("doctypes", "point", "tail", "demo", "doctor", "config"),
}


def test_every_command_of_the_contract_is_listed(capsys):
    """With what it does, as soon as it is built."""
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])

    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    assert {command for command, _ in COMMANDS} == CONTRACT_COMMANDS
    for command, summary in COMMANDS:
        is_built = (Path(__file__).parents[2] / f"telemetry_server/cli/{command}.py").exists()
        assert (f"  {command} " in shown) == is_built
        assert (summary in shown) == is_built


def test_help_is_quick():
    """Nothing heavy is imported for it.  The best of three, since machines are noisy."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        assert telemetry_server("--help").returncode == 0
        times.append(time.perf_counter() - start)

    assert min(times) < 0.3


@pytest.mark.parametrize("command", [command for command, _ in COMMANDS])
def test_every_command_explains_itself(command):
    """--help says what it does and gives an example."""
    done = telemetry_server(command, "--help")
    if "not in this version" in done.stderr:
        pytest.skip(f"{command} is not built yet")

    assert done.returncode == 0
    assert f"telemetry-server {command}" in done.stdout
    assert "example" in done.stdout


def test_the_version_is_the_distributions():
    """From its metadata."""
    assert telemetry_server("--version").stdout == "telemetry-server 0.1.0\n"


def test_a_wrong_command_is_answered_with_the_nearest():
    """On stderr, with 2."""
    done = telemetry_server("covnert")

    assert done.returncode == ExitStatus.USAGE
    assert "did you mean convert?" in done.stderr
    assert done.stdout == ""


def test_a_wrong_setting_is_one_line_and_78():
    """No traceback."""
    done = telemetry_server("config", "show", TELEMETRY_PROT="1")

    assert done.returncode == ExitStatus.CONFIGURATION
    assert done.stderr.count("\n") == 1
    assert "did you mean port" in done.stderr


def test_nobody_reading_is_no_error():
    """As in `generate | head -1`."""
    writing = subprocess.Popen(
        [sys.executable, "-m", "telemetry_server", "generate", "--count", "20"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert writing.stdout is not None
    assert writing.stderr is not None
    writing.stdout.read(10)
    writing.stdout.close()

    assert writing.stderr.read() == b""
    assert writing.wait(30) == ExitStatus.DONE
    writing.stderr.close()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigurationError("port: must be"), 78),
        (StorageFull("disk full"), 5),
        (OSError(28, "No space left on device"), 5),
        (PermissionError(13, "Permission denied", "data"), 78),
        (LedgerError("from a newer version"), 70),
        (LostFile("x.zst: committed bytes are missing"), 70),
        (ZeroDivisionError("division by zero"), 70),
    ],
)
def test_every_failure_is_one_line_and_a_status(error, status):
    """Which says whether trying again helps, and whose fault it was."""
    text, told_status = told(error)

    assert told_status == status
    assert "\n" not in text
    assert str(error).split("]")[-1].strip() in text


def test_a_fault_of_ours_has_no_traceback_unless_asked(tmp_path):
    """TELEMETRY_TRACEBACK=1 asks."""
    broken = Path(tmp_path) / "raw"
    broken.write_text("a file where a folder belongs")
    quiet = telemetry_server("generate", "--install-specs", "--data", str(broken))
    loud = telemetry_server("generate", "--install-specs", "--data", str(broken), TELEMETRY_TRACEBACK="1")

    assert quiet.returncode == loud.returncode != 0
    assert "Traceback" not in quiet.stderr
    assert "Traceback" in loud.stderr
