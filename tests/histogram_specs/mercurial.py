"""A real Mercurial: repositories made by it, and served by it on loopback."""

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
    """Mercurial's command, installed for this if need be; skips the test where that cannot be."""
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
    """A repository being written, commit by commit."""

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
        """Commit on *day* (YYYY-MM-DD), with this spec file or without touching it; returns the node."""
        if text is None:
            # A file of its own each: merges meet no conflict.
            (self.path / f"other-{day}").write_text(day)
        else:
            (self.path / SPEC_PATH).parent.mkdir(parents=True, exist_ok=True)
            (self.path / SPEC_PATH).write_bytes(text)
        told = self.run(
            "commit", "--debug", "-A", "-u", "someone", "-d", f"{day} 12:00 +0000", "-m", f"on {day}"
        )
        return told.split()[-1].split(":")[-1]

    def tag(self, tag: str, day: str) -> None:
        """Tag what is checked out; that is a commit too."""
        self.run("tag", "-u", "someone", "-d", f"{day} 12:00 +0000", tag)

    def nodes(self) -> list[str]:
        """Every changeset."""
        return self.run("log", "-T", "{node}\n").split()


@contextmanager
def serving(hg: str, root: Path, log: Path, port: int = 0):
    """Serve every repository under *root* on loopback; gives the server's URL."""
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
