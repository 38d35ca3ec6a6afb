"""Earlier builds of this project, installed from its history, to compare with in one run."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from telemetry_server.demo.temporary_server import TemporaryServer
from telemetry_server.terminal.output import say

ROOT = Path(__file__).resolve().parents[1]
NOVEMBER_22, NOVEMBER_27 = "2fa9420", "6e37a11"


@dataclass(frozen=True, slots=True)
class Build:
    """An installed build: its folder, where its commands must run, and its interpreter."""

    folder: Path
    python: Path

    def command(self, *words: str | Path) -> list[str]:
        """Return the words that run a command of this build."""
        return [str(self.python), "-m", "telemetry_server", *map(str, words)]


PRESENT = Build(ROOT, Path(sys.executable))


@contextmanager
def earlier_build(commit: str) -> Iterator[Build | None]:
    """
    Install *commit* in a temporary folder; None, with a line on standard error, if that is not possible.

    The history of a shallow clone may lack it, and its packages come from PyPI.
    """
    say(f"installing the build {commit}")
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as place:
        build = None
        try:
            build = _installed(commit, Path(place) / commit)
        except _NotInstalled as error:
            say(f"left out: {error}")
        yield build


class _NotInstalled(Exception):
    """The text says why."""


def _installed(commit: str, folder: Path) -> Build:
    python = folder / ".venv" / "bin" / "python"
    installer = (sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python))
    packages = ("telemetry_server", "storage", "histogram_specs")
    _run(ROOT, "git", "clone", "--quiet", "--shared", "--no-checkout", ".", str(folder))
    _run(folder, "git", "checkout", "--quiet", commit)
    _run(folder, sys.executable, "-m", "venv", ".venv")
    _run(folder, *installer, "--require-hashes", "-r", "requirements.lock")
    _run(folder, *installer, "--no-deps", "--no-build-isolation", "-e", ".")
    _run(folder, str(python), "-m", "compileall", "-q", *packages)  # as the present ones are
    return Build(folder, python)


def _run(folder: Path, *words: str) -> None:
    try:
        done = subprocess.run(words, check=False, cwd=folder, capture_output=True, text=True)
    except OSError as error:
        raise _NotInstalled(f"{words[0]}: {error}") from None
    if done.returncode:
        raise _NotInstalled(f"{' '.join(words)}: {(done.stderr.strip() or 'no message')[-500:]}")


class ServerOfBuild(TemporaryServer):
    """The server of another build on a free port."""

    def __init__(self, build: Build, data: Path, settings: dict[str, str], flags: Sequence[str] = ()) -> None:
        super().__init__(data, settings, flags)
        self._build = build

    def _started(
        self, words: Sequence[str], environment: dict[str, str], log: BinaryIO
    ) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self._build.command(*words),
            cwd=self._build.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            process_group=0,
        )
