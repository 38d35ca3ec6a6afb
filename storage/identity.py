"""
The file ``.identity``: the id of the data root, and the number of commits of its ledger.

It is outside of ``state/``, so a ledger from another data root, or from an older
backup of this one, is recognised.
"""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from storage.disk import Disk

_FORM = re.compile(rb"telemetry data root 1\nid ([0-9a-f]{32})\ncommits ([0-9]{20})\n\Z")
_COMMITS_AT = len(b"telemetry data root 1\nid \n" + b"0" * 32 + b"commits ")


@dataclass(frozen=True, slots=True)
class Identity:
    """A data root's id, and the number of commits that its ledger is known to have made."""

    root_id: str  # 32 hexadecimal digits
    commits: int = 0

    def packed(self) -> bytes:
        """The file's bytes."""
        return b"telemetry data root 1\nid %s\ncommits %020d\n" % (self.root_id.encode(), self.commits)


def new_identity(commits: int = 0) -> Identity:
    """Return an identity with a new random id."""
    return Identity(uuid4().hex, commits)


def read_identity(path: Path) -> Identity | None:
    """Return the identity at *path*; None if the file is missing or not valid."""
    try:
        found = _FORM.match(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    return None if found is None else Identity(found[1].decode(), int(found[2]))


def write_identity(path: Path, identity: Identity, disk: Disk) -> None:
    """
    Write *identity* to *path*, durably; replace the present file.

    Raises:
        OSError: A disk operation failed; the old file is unchanged.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    disk.unlink(temporary)
    descriptor = disk.create(temporary)
    try:
        disk.write(descriptor, [identity.packed()])
        disk.sync(descriptor)
    finally:
        disk.close(descriptor)
    disk.rename(temporary, path)
    disk.sync_directory(path.parent)


class CommitMark:
    """
    Notes each commit of the ledger in the identity's file.

    It is written after the commit and never synced.  After a power cut it may be behind the
    ledger; it is ahead only if the ledger is an older copy.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, commits: int) -> None:
        """Write the number of commits.  A failure is harmless: it only weakens the check."""
        with suppress(OSError):
            descriptor = os.open(self._path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.pwrite(descriptor, b"%020d" % commits, _COMMITS_AT)
            finally:
                os.close(descriptor)
