"""Runs a server on a free port for the duration of a ``with`` block."""

import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from telemetry_server.supervision.interpreter import python_words
from telemetry_server.terminal.output import say

START_SECONDS = 60.0
CONVERT_SECONDS = 120.0
STOP_SECONDS = 60.0
ANSWER_SECONDS = 30.0
PAUSE_SECONDS = 0.1
ENDS = (
    "telemetry_pings_stored_total",
    "telemetry_pings_quarantined_total",
    "telemetry_pings_duplicate_total",
)


class ServerFailed(Exception):
    """The server failed.  The text is one line; the end of the server's log was printed before."""


def free_port() -> int:
    """Return a port of the loopback interface that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def bare_environment() -> dict[str, str]:
    """Return the environment without variables that are settings."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TELEMETRY_")
        and name not in ("PORT", "REPORTS_PORT", "PROMETHEUS_MULTIPROC_DIR")
    }


class TemporaryServer:
    """
    ``telemetry-server serve`` as a child process on *data*; *settings* are environment variables.

    It has no reports unless *settings* give them a port.
    """

    def __init__(self, data: Path, settings: dict[str, str], flags: Sequence[str] = ()) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._settings = settings
        self._flags = flags
        self._log_path = data.parent / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The server's first process."""
        if self._process is None:
            raise ServerFailed("the server was not started")
        return self._process

    def __enter__(self) -> "TemporaryServer":
        words = ["serve", "--data", str(self.data), "--port", str(self.port), *self._flags]
        environment = bare_environment() | {"TELEMETRY_REPORTS_PORT": "off"} | self._settings
        with self._log_path.open("wb") as log:
            self._process = self._started(words, environment, log)
        try:
            self._wait_until_up()
        except BaseException:
            self._end()
            raise
        return self

    def _started(
        self, words: Sequence[str], environment: dict[str, str], log: BinaryIO
    ) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603 - this program
            [*python_words(), "-m", "telemetry_server", *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C must not reach the server: it runs until it is stopped here.
            process_group=0,
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _get(self, path: str) -> str | None:
        try:
            with urllib.request.urlopen(self.url + path, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - an http URL on loopback
                return str(answer.read().decode())
        except (urllib.error.URLError, OSError):
            return None

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        # Another program may have taken the port just now, so an answer alone does not prove anything.
        while not self._says_that_it_listens() or self._get("/__heartbeat__") is None:
            if self.process.poll() is not None:
                raise self._failed(f"the server ended at once with status {self.process.returncode}")
            if time.monotonic() > deadline:
                raise self._failed(f"the server did not answer within {START_SECONDS:.0f} s")
            time.sleep(PAUSE_SECONDS)

    def _says_that_it_listens(self) -> bool:
        return b"Listening on " in self._log_path.read_bytes()

    def wait_until_converted(self, submissions: int) -> None:
        """
        Return when *submissions* have an outcome.

        Raises:
            ServerFailed: It took too long.
        """
        deadline = time.monotonic() + CONVERT_SECONDS
        while (ended := self.ended()) < submissions:
            if time.monotonic() > deadline:
                raise self._failed(
                    f"only {ended} of {submissions} pings were converted within {CONVERT_SECONDS:.0f} s"
                )
            time.sleep(PAUSE_SECONDS)

    def ended(self) -> int:
        """Return how many submissions /metrics counts as stored, quarantined or duplicate."""
        return sum(self.counted(name) for name in ENDS)

    def counted(self, metric: str) -> int:
        """Return the value of a counter in /metrics, summed over all its labels."""
        lines = (self._get("/metrics") or "").splitlines()
        return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines if re.match(rf"{metric}[ {{]", line))

    def stop(self) -> bool:
        """Stop the server; return False if it did not end cleanly."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS) == 0
        except subprocess.TimeoutExpired:
            return False

    def _end(self) -> None:
        if self._process is not None and self._process.poll() is None and not self.stop():
            self._process.kill()
            self._process.wait()

    def _failed(self, what: str) -> ServerFailed:
        for line in self._log_path.read_text(errors="replace").splitlines()[-10:]:
            say(f"  {line}")
        return ServerFailed(what)
