"""Creates repositories with a real Mercurial, and serves them on loopback."""

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from histogram_specs.revision import SPEC_PATH


def find_hg(scratch: Path) -> str:
    """Return the command hg, installing it if necessary; skip the test if that fails."""
    found = shutil.which("hg")
    if found:
        return found
    subprocess.run([sys.executable, "-m", "venv", str(scratch)], check=True)
    pip = [str(scratch / "bin" / "pip"), "install", "-q", "mercurial"]
    installed = subprocess.run(pip, capture_output=True, text=True, check=False)
    if installed.returncode:
        pytest.skip("needs Mercurial, and cannot install it")
    return str(scratch / "bin" / "hg")


class Repository:
    """A repository to which commits are added."""

    def __init__(self, hg: str, path: Path) -> None:
        self._hg = hg
        self.path = path
        path.mkdir(parents=True)
        self.run("init")

    def run(self, *arguments: str) -> str:
        """Run hg in the repository and return what it prints."""
        environment = {**os.environ, "HGPLAIN": "1", "HGRCPATH": os.devnull}
        ran = subprocess.run(
            [self._hg, *arguments],
            cwd=self.path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout

    def commit(self, day: str, text: bytes | None = None) -> str:
        """Commit on *day* (YYYY-MM-DD) with this spec file, or without changing it; return the node."""
        if text is None:
            # Each commit adds its own file, so that merges have no conflicts.
            (self.path / f"other-{day}").write_text(day)
        else:
            (self.path / SPEC_PATH).parent.mkdir(parents=True, exist_ok=True)
            (self.path / SPEC_PATH).write_bytes(text)
        output = self.run(
            "commit", "--debug", "-A", "-u", "someone", "-d", f"{day} 12:00 +0000", "-m", f"on {day}"
        )
        return output.split()[-1].split(":")[-1]

    def tag(self, tag: str, day: str) -> None:
        """Tag the checked-out changeset, which adds a commit."""
        self.run("tag", "-u", "someone", "-d", f"{day} 12:00 +0000", tag)

    def nodes(self) -> list[str]:
        """Return all changesets."""
        return self.run("log", "-T", "{node}\n").split()


@contextmanager
def serving(hg: str, root: Path, log: Path, port: int = 0):
    """Serve all repositories below *root* on loopback; yield the URL of the server."""
    config = log.with_suffix(".conf")
    config.write_text(f"[paths]\n/ = {root}/**\n")
    if not port:
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            port = reserved.getsockname()[1]
    command = [hg, "serve", "--webdir-conf", str(config), "-a", "127.0.0.1", "-p", str(port), "-A", str(log)]
    environment = {**os.environ, "HGPLAIN": "1", "HGRCPATH": os.devnull}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            for _ in range(200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
