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
    Install *commit* in a temporary folder; None, with a line on standard error, if the history lacks it.

    Raises:
        RuntimeError: It cannot be installed; its packages come from PyPI.
    """
    known = ["git", "cat-file", "-e", f"{commit}^{{commit}}"]
    if subprocess.run(known, check=False, cwd=ROOT, capture_output=True).returncode:
        say(f"left out: this clone has no commit {commit}; run: git fetch --unshallow")
        yield None
        return
    say(f"installing the build {commit}")
    with tempfile.TemporaryDirectory(prefix="telemetry-bench-") as place:
        folder = Path(place) / commit
        installer = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", ".venv/bin/python"]
        _run("git", "clone", "--quiet", "--shared", "--no-checkout", str(ROOT), str(folder))
        _run("git", "checkout", "--quiet", commit, folder=folder)
        _run(sys.executable, "-m", "venv", ".venv", folder=folder)
        _run(*installer, "--require-hashes", "-r", "requirements.lock", folder=folder)
        _run(*installer, "--no-deps", "--no-build-isolation", "-e", ".", folder=folder)
        python = folder / ".venv" / "bin" / "python"
        # Modules are compiled before, as the present ones were.
        _run(
            str(python),
            "-m",
            "compileall",
            "-q",
            "telemetry_server",
            "storage",
            "histogram_specs",
            folder=folder,
        )
        yield Build(folder, python)


def _run(*words: str, folder: Path | None = None) -> None:
    done = subprocess.run(words, check=False, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}")


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
