"""Creates repositories with a real Mercurial, and serves them on loopback."""

import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from histogram_specs.revision import SPEC_PATH

ENVIRONMENT = {**os.environ, "HGPLAIN": "1", "HGRCPATH": os.devnull}


class Mercurial:
    """A command hg, and its command server, because most of the time of a short command is its start."""

    def __init__(self, command: str) -> None:
        self.command = command
        self._server: subprocess.Popen[bytes] | None = None

    def run(self, folder: Path, *arguments: str) -> str:
        """
        Run hg in *folder* and return what it prints.

        Raises:
            RuntimeError: It failed.
        """
        if self._server is None:
            self._server = subprocess.Popen(
                [self.command, "serve", "--cmdserver", "pipe"],
                env=ENVIRONMENT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            self._next_frame()  # its greeting
        request = "\0".join(("--cwd", str(folder), *arguments)).encode()
        assert self._server.stdin is not None
        self._server.stdin.write(b"runcommand\n" + struct.pack(">I", len(request)) + request)
        self._server.stdin.flush()
        printed: dict[bytes, bytes] = {b"o": b"", b"e": b""}
        while (frame := self._next_frame())[0] != b"r":
            printed[frame[0]] += frame[1]
        if frame[1] != b"\0\0\0\0":
            raise RuntimeError(f"hg {' '.join(arguments)}: {printed[b'e'].decode()}")
        return printed[b"o"].decode()

    def _next_frame(self) -> tuple[bytes, bytes]:
        """Return the channel and the bytes of the next frame: https://wiki.mercurial-scm.org/CommandServer."""
        assert self._server is not None
        assert self._server.stdout is not None
        channel, length = struct.unpack(">cI", self._server.stdout.read(5))
        return channel, self._server.stdout.read(length)

    def close(self) -> None:
        """End the command server."""
        if self._server is not None:
            self._server.communicate()


@contextmanager
def installed(scratch: Path) -> Iterator[Mercurial]:
    """Yield Mercurial, installed below *scratch* if necessary; skip the test if that fails."""
    found = shutil.which("hg")
    if found is None:
        subprocess.run([sys.executable, "-m", "venv", str(scratch)], check=True)
        pip = [str(scratch / "bin" / "pip"), "install", "-q", "mercurial"]
        if subprocess.run(pip, capture_output=True, text=True, check=False).returncode:
            pytest.skip("needs Mercurial, and cannot install it")
        found = str(scratch / "bin" / "hg")
    with closing(Mercurial(found)) as hg:
        yield hg


class Repository:
    """A repository to which commits are added."""

    def __init__(self, hg: Mercurial, path: Path) -> None:
        self._hg = hg
        self.path = path
        path.mkdir(parents=True)
        self.run("init")

    def run(self, *arguments: str) -> str:
        """Run hg in the repository and return what it prints."""
        return self._hg.run(self.path, *arguments)

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
def serving(hg: Mercurial, root: Path, log: Path, port: int = 0):
    """Serve all repositories below *root* on loopback; yield the URL of the server."""
    config = log.with_suffix(".conf")
    config.write_text(f"[paths]\n/ = {root}/**\n")
    if not port:
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            port = reserved.getsockname()[1]
    place = ["-a", "127.0.0.1", "-p", str(port)]
    command = [hg.command, "serve", "--webdir-conf", str(config), *place, "-A", str(log)]
    with subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
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
