"""Counts system calls of a process, or makes them fail, kill it or take long, with strace."""

import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.waiting import PATIENCE_SECONDS

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")

CALL = re.compile(r"^(\d+) +(\w+)\(", re.MULTILINE)  # of a log: the thread, and the name of the call


class Tracer:
    """A running strace."""

    def __init__(self, log: Path) -> None:
        self._log = log

    @property
    def injected(self) -> int:
        """Return the number of calls that were changed so far."""
        return self._log.read_text(errors="replace").count("(INJECTED)")

    def calls_of_a_thread(self) -> Counter[str]:
        """Return how often each call was made so far by the thread that made it most often."""
        made = Counter(CALL.findall(self._log.read_text(errors="replace")))
        most: Counter[str] = Counter()
        for (_, call), count in made.items():
            most[call] = max(most[call], count)
        return most


@contextmanager
def traced(pid: int, calls: str, log: Path, *words: str) -> Iterator[Tracer]:
    """Trace *calls* (a comma-separated list) of process *pid*, its threads and its children."""
    strace = subprocess.Popen(
        ["strace", "-f", "-qqq", "-o", str(log), "-p", str(pid), "-e", f"trace={calls}", *words],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _wait_until_traced(pid, strace)
        yield Tracer(log)
    finally:
        if strace.poll() is None:
            strace.terminate()
        strace.communicate()


@contextmanager
def tampered(pid: int, calls: str, what: str, log: Path) -> Iterator[Tracer]:
    """
    Change *calls* (a comma-separated list) of process *pid*, its threads and its children.

    *what* has the form of strace's ``inject=``: ``signal=KILL:when=3``, ``error=EIO:when=2``.  It counts
    the calls of each thread.
    """
    with traced(pid, calls, log, "-e", f"inject={calls}:{what}") as tracer:
        yield tracer


def _wait_until_traced(pid: int, strace: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if strace.poll() is not None:
            assert strace.stderr is not None
            pytest.skip(f"strace cannot trace here: {strace.stderr.read().strip()}")
        threads = Path(f"/proc/{pid}/task").iterdir()
        if all("TracerPid:\t0\n" not in (thread / "status").read_text() for thread in threads):
            return
        time.sleep(0.002)
    raise TimeoutError(f"strace did not come to trace {pid}")
