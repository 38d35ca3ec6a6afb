"""Reads spec files from a local clone, with the command hg or git."""

import asyncio
import os
from pathlib import Path
from typing import Self

from histogram_specs.definition_files import REPOSITORY_PATHS
from histogram_specs.errors import RevisionMissing, SourceDown, SourceUnreachable
from histogram_specs.revision import SPEC_FILE_NAME, Revision
from histogram_specs.spec_file import MAX_BYTES

TOTAL_SECONDS = 10.0


class _Clone:
    """One clone; the repository of a revision is ignored, only its changeset counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at_once = asyncio.Semaphore(os.cpu_count() or 1)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        return None

    async def _run(self, *command: str) -> tuple[int, bytes]:
        """Run *command* and return its exit status and what it printed."""
        async with self._at_once:
            try:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.DEVNULL,
                    env={**os.environ, "HGPLAIN": "1", "GIT_TERMINAL_PROMPT": "0"},
                )
            except OSError as error:
                raise SourceDown(f"{command[0]}: {error.strerror}") from None
            try:
                async with asyncio.timeout(TOTAL_SECONDS):
                    printed, _ = await process.communicate()
            except TimeoutError:
                raise SourceDown(f"{command[0]} in {self._path}: no answer in {TOTAL_SECONDS:g} s") from None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if len(printed) > MAX_BYTES:
            raise SourceUnreachable(f"{command[0]} in {self._path}: more than {MAX_BYTES:,} bytes")
        return process.returncode or 0, printed


class MercurialClone(_Clone):
    """A local Mercurial clone."""

    async def read(self, revision: Revision, name: str = SPEC_FILE_NAME) -> bytes:
        """Return the file *name* at *revision*; raises the errors of `Source.read`."""
        path = REPOSITORY_PATHS[name]
        # A revset, because plain digits could be a revision number.
        changeset = f"id({revision.changeset})"
        hg = ("hg", "--cwd", str(self._path))
        status, node = await self._run(*hg, "log", "-r", changeset, "-T", "{node}")
        if status:
            raise SourceUnreachable(f"hg in {self._path}: exit status {status}")
        # Mercurial uses the id ffff… for the working directory.
        if not node or set(node) == {ord("f")}:
            raise RevisionMissing(f"{self._path} has no changeset {revision.changeset}")
        status, text = await self._run(*hg, "cat", "-r", node.decode(), path)
        if status == 1:
            raise RevisionMissing(f"{self._path} has no {path} at {revision.changeset}")
        if status:
            raise SourceUnreachable(f"hg in {self._path}: exit status {status}")
        return text


class GitClone(_Clone):
    """A local git clone, bare or not, whose commits are what revisions name."""

    async def read(self, revision: Revision, name: str = SPEC_FILE_NAME) -> bytes:
        """Return the file *name* at *revision*; raises the errors of `Source.read`."""
        path = REPOSITORY_PATHS[name]
        git = ("git", "-C", str(self._path))
        status, _ = await self._run(*git, "rev-parse", "--git-dir")
        if status:
            raise SourceUnreachable(f"git in {self._path}: exit status {status}")
        status, commit = await self._run(
            *git, "rev-parse", "--verify", "--quiet", f"{revision.changeset}^{{commit}}"
        )
        if status:
            raise RevisionMissing(f"{self._path} has no commit {revision.changeset}")
        status, text = await self._run(*git, "cat-file", "blob", f"{commit.decode().strip()}:{path}")
        if status:
            raise RevisionMissing(f"{self._path} has no {path} at {revision.changeset}")
        return text
