"""The files with the sums by probe of each day: ``state/probe-days/<YYYYMMDD>.zst``."""

from collections.abc import Collection
from pathlib import Path

from storage.data_root import DataRoot
from storage.disk import Disk

FOLDER = "probe-days"
SUFFIX = ".zst"
UNFINISHED_PREFIX = "."


def path_of(root: DataRoot, day: str) -> Path:
    """Return the path of the file of *day*, YYYYMMDD."""
    return root.state / FOLDER / f"{day}{SUFFIX}"


def read_probe_day(root: DataRoot, day: str) -> bytes | None:
    """Return the bytes of the file of *day*; None if it is missing or cannot be read."""
    try:
        return path_of(root, day).read_bytes()
    except OSError:
        return None


def write_probe_day(root: DataRoot, disk: Disk, day: str, data: bytes) -> None:
    """
    Replace the file of *day*.

    Raises:
        OSError: The disk refuses; the old file stays.
    """
    target = path_of(root, day)
    unfinished = target.with_name(f"{UNFINISHED_PREFIX}{target.name}")
    disk.make_directories(target.parent)
    disk.unlink(unfinished)
    descriptor = disk.create(unfinished)
    try:
        disk.write(descriptor, [data])
        disk.sync_data(descriptor)
    finally:
        disk.close(descriptor)
    disk.rename(unfinished, target)


def remove_probe_days(root: DataRoot, disk: Disk, keep: Collection[str] = ()) -> int:
    """Remove the files of all days except *keep*; return how many were removed."""
    folder = root.state / FOLDER
    if not folder.is_dir():
        return 0
    gone = [path for path in sorted(folder.iterdir()) if path.name.removesuffix(SUFFIX) not in keep]
    for path in gone:
        disk.unlink(path)
    return len(gone)
