"""A stamp of all aggregates: equal stamps mean that every answer is the same."""

from contextlib import suppress

from storage.aggregates.day_table import LIST_NAME, days_with_table, folder_of
from storage.data_root import DataRoot

Stamp = tuple[tuple[str, int, int], ...]


def stamp_of(root: DataRoot) -> Stamp:
    """Return day, inode and time of change of the list of each day."""
    found = []
    for day in days_with_table(root):
        with suppress(FileNotFoundError):
            status = (folder_of(root, day) / LIST_NAME).stat()
            found.append((day, status.st_ino, status.st_mtime_ns))
    return tuple(found)
