"""`health` checks that the server with these settings answers, with HTTP and with TLS."""

import json
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.supervision.test_tls import make_pair, put
from tests.support.edges import running_server
from tests.support.waiting import PATIENCE_SECONDS

CONTAINERFILE = Path(__file__).resolve().parents[2] / "deploy/Containerfile"


def container_check(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the command of the container's HEALTHCHECK with this interpreter's program."""
    (check,) = re.findall(r"^HEALTHCHECK .*\\\n +CMD (.*)$", CONTAINERFILE.read_text(), re.MULTILINE)
    words = json.loads(check)
    assert words[0] == "telemetry-server"
    return subprocess.run(
        [sys.executable, "-m", "telemetry_server", *words[1:]],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_the_health_check_of_the_container_passes_while_the_server_runs(tmp_path):
    """It reads the same variables as the server; for an address like 0.0.0.0 it uses loopback."""
    with running_server(tmp_path, "--host", "0.0.0.0") as server:
        environment = {"PORT": str(server.port), "TELEMETRY_HOST": "0.0.0.0"}
        alive = container_check(environment)
    dead = container_check(environment)

    assert (alive.returncode, alive.stdout) == (0, f"http://127.0.0.1:{server.port} is alive\n")
    assert dead.returncode == 5
    assert "does not answer" in dead.stderr
    assert "Traceback" not in dead.stderr


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_the_health_check_of_the_container_passes_with_tls(tmp_path):
    """The certificate is for the public name, but the check connects to 127.0.0.1."""
    settings = put(make_pair(tmp_path, "telemetry.example"), tmp_path)
    with running_server(tmp_path, environment=settings) as server:
        checked = container_check({**settings, "TELEMETRY_PORT": str(server.port)})

    assert (checked.returncode, checked.stdout) == (0, f"https://127.0.0.1:{server.port} is alive\n")


def test_a_program_that_does_not_answer_is_reported_in_one_line(command):
    """It accepts the connection, but sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        _, said = command("health", "--port", port, "--timeout", "50ms", status=5)

    assert f"http://127.0.0.1:{port} does not answer" in said
    assert len(said.splitlines()) == 1


def test_health_prints_json_on_request(tmp_path, command):
    """For scripts."""
    with running_server(tmp_path) as server:
        out, _ = command("health", "--port", str(server.port), "--json")

    assert json.loads(out) == {"alive": True, "status": 200}
