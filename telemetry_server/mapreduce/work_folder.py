"""A folder for the files of one run; it is gone afterwards."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from storage.errors import NO_ROOM, StorageFull
from storage.lock import FileLock
from telemetry_server.mapreduce.errors import UnusableFolder

PREFIX = "telemetry-mapreduce-"
LOCK = "lock"


@contextmanager
def work_folder(parent: Path) -> Iterator[Path]:
    """
    Make a folder in *parent*, and remove it at the end; *parent* too, if it was missing.

    Folders of runs that were killed are removed first.

    Raises:
        UnusableFolder: It cannot be made.
        StorageFull: The disk is full.
    """
    is_new = not parent.exists()
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _remove_left(parent)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        lock = FileLock(folder / LOCK)
        lock.acquire(wait=False)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StorageFull(f"{parent}: {error.strerror}") from None
        raise UnusableFolder(f"work folder {parent}: {error.strerror}; name another with --work") from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
        if is_new:
            with suppress(OSError):
                parent.rmdir()


def _remove_left(parent: Path) -> None:
    """Remove the folders whose runs have died: the kernel has released their locks."""
    for folder in parent.glob(f"{PREFIX}*"):
        path = folder / LOCK
        # That of another user cannot be looked into.
        with suppress(OSError):
            if path.is_file() and not path.is_symlink():
                lock = FileLock(path)
                if lock.acquire(wait=False):
                    shutil.rmtree(folder, ignore_errors=True)
                    lock.release()
