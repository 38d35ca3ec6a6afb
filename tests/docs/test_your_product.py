"""docs/your-product.md: its commands, run in their order as printed, give the answer on the page."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from telemetry_server.demo.temporary_server import TemporaryServer, bare_environment
from tests.support.running_server import result_of
from tests.support.waiting import PATIENCE_SECONDS, wait_for

PAGE = (Path(__file__).resolve().parents[2] / "docs/your-product.md").read_text(encoding="utf-8")


def run(script: str, folder: Path) -> str:
    """What a script of the page prints; each of its commands must end with 0."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=bare_environment() | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_commands_lead_from_a_schema_to_the_answer_on_the_page(tmp_path):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    if not (Path(sys.executable).parent / "telemetry-server").exists():
        pytest.skip("the command telemetry-server is not installed beside this Python")
    schema, check, serve, send, look, ask = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    [answer] = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)

    run(schema, tmp_path)
    assert "ping.json is a valid garden/watering/1" in run(check, tmp_path)
    assert serve == "telemetry-server serve --config telemetry.toml --data ./data\n"
    settings = {"TELEMETRY_SCHEMAS_DIR": str(tmp_path / "schemas"), "TELEMETRY_REVISION_OFFLINE": "true"}
    with TemporaryServer(tmp_path / "data", settings) as server:
        run(send.replace("http://127.0.0.1:8080", server.url), tmp_path)
        wait_for(lambda: len(run(look.splitlines()[0], tmp_path).splitlines()) == 3)
        wait_for(lambda: rows_in_tables(server) == 3)
        seen = run(look, tmp_path)
        asked = run(ask, tmp_path)

    assert "litres: a number, but minimum: 0" in seen
    assert "the books balance" in seen
    assert asked.endswith(answer)


def rows_in_tables(server: TemporaryServer) -> int:
    """How many pings are in the tables."""
    files = result_of("tables", "status", "--data", str(server.data))
    return sum(file["rows"] for file in files if file["table"] == "pings")
