"""Log lines are readable on a terminal and JSON elsewhere, unless a setting decides."""

import json
import os
import pty
import re
import signal
import subprocess
import sys

import pytest

from tests.support.edges import running_server
from tests.support.waiting import PATIENCE_SECONDS

FOR_PEOPLE = re.compile(r"^\d\d:\d\d:\d\d server started  host=127.0.0.1", re.MULTILINE)


def started_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if "server started" in line]


def on_a_terminal(tmp_path, settings: dict[str, str]) -> str:
    """Return what `serve` writes to a terminal until it accepts submissions."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "telemetry_server", "serve", "--data", str(tmp_path / "data"), "--port", "0"],
        env={"TELEMETRY_WORKERS": "1", "TELEMETRY_MIN_FREE_BYTES": "0", **settings},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    try:
        while b"what happened" not in said:
            said += os.read(ours, 1 << 16)  # fails once the server has ended
    finally:
        process.send_signal(signal.SIGTERM)
        while process.poll() is None:
            try:
                os.read(ours, 1 << 16)
            except OSError:
                process.wait(PATIENCE_SECONDS)
        os.close(ours)
    return said.decode().replace("\r\n", "\n")


@pytest.mark.parametrize(("setting", "for_people"), [("auto", False), ("text", True), ("json", False)])
def test_without_a_terminal_lines_are_json_unless_the_setting_is_text(tmp_path, setting, for_people):
    """A log collector reads them."""
    with running_server(tmp_path, environment={"TELEMETRY_LOG_FORMAT": setting}) as server:
        said = server.log()

    (line,) = started_lines(said)
    if for_people:
        assert FOR_PEOPLE.search(said)
    else:
        assert json.loads(line)["Type"] == "server started"


@pytest.mark.parametrize(("setting", "for_people"), [("auto", True), ("text", True), ("json", False)])
def test_on_a_terminal_lines_are_readable_unless_the_setting_is_json(tmp_path, setting, for_people):
    """A person reads them."""
    said = on_a_terminal(tmp_path, {"TELEMETRY_LOG_FORMAT": setting})

    (line,) = started_lines(said)
    if for_people:
        assert FOR_PEOPLE.search(said)
    else:
        assert json.loads(line)["Type"] == "server started"
