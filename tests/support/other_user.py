"""Runs code as another user, in the same process."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The other user may not be able to read the interpreter's files, so what an error needs is imported before.
import telemetry_server.cli.error_messages  # noqa: F401

OTHER_USER_ID = 65534


@contextmanager
def readable_folder() -> Iterator[Path]:
    """Yield a folder that every user may read; those of pytest are private."""
    folder = Path(tempfile.mkdtemp(prefix="telemetry-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def give_to_other_user(folder: Path) -> None:
    """Make the user of `as_other_user` the owner of *folder* and everything in it."""
    if os.getuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, OTHER_USER_ID, OTHER_USER_ID)


@contextmanager
def as_other_user() -> Iterator[None]:
    """Run the block as another user if this process is root; otherwise change nothing."""
    if os.getuid() != 0:
        yield
        return
    os.setresuid(OTHER_USER_ID, OTHER_USER_ID, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
