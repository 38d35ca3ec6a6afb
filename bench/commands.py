"""Commands that are run to their end, with the CPU time and the memory that they used."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from telemetry_server.demo.temporary_server import bare_environment

# Runs a command and waits for all of its descendants, so that their CPU time and memory count.  It is a small
# process: the peak that Linux reports of a program includes the peak of the process that started it.
_MEASURE = """
import ctypes, json, os, resource, subprocess, sys, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
start = time.monotonic()
with open(sys.argv[1], "wb") as output:
    status = subprocess.run(sys.argv[2:], stdout=output).returncode
seconds = time.monotonic() - start
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([status, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""
_ERROR_CHARACTERS = 2000  # of what a failed command wrote


@dataclass(frozen=True, slots=True)
class Run:
    """A command that has ended, with all of its descendants."""

    seconds: float
    cpu_seconds: float
    peak_mib: float  # of the largest of them
    output: str


def run(words: Sequence[str], settings: dict[str, str] | None = None, folder: Path | None = None) -> Run:
    """
    Run *words* to its end in *folder* (default: the current one), with *settings* as environment variables.

    Raises:
        RuntimeError: It failed.
    """
    environment = bare_environment() | (settings or {})
    # As installed: modules are compiled once.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.NamedTemporaryFile() as output:
        done = subprocess.run(
            [sys.executable, "-c", _MEASURE, output.name, *words],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
        text = output.read().decode()
    status, seconds, cpu_seconds, peak_mib = json.loads(done.stdout)
    if status:
        said = (text + done.stderr)[-_ERROR_CHARACTERS:]
        raise RuntimeError(f"{' '.join(words)} ended with {status}: {said}")
    return Run(seconds, cpu_seconds, peak_mib, text)
