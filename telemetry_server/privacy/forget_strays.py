"""
Removes ids from files that `repair` moved aside, and from those that a killed process left.

No ledger knows these files, so each is replaced by itself.  Tables and sums can be made again from records:
such files are deleted whole.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from storage.disk import Disk
from storage.partitions.compact import CLOSED_LEVEL
from storage.partitions.frames import compress_frame, whole_frames
from storage.raw.framing import FILE_MAGIC
from storage.raw.removal import SegmentInUse, remove_submissions
from storage.tables.part_file import SCRATCH_FOLDER
from telemetry_server.privacy.forget_scan import SQLITE_MAGIC, ZSTD_MAGIC, Scan, ids_in_value
from telemetry_server.privacy.forget_sqlite import rewrite_database
from telemetry_server.privacy.forget_wanted import Wanted
from telemetry_server.privacy.places import Forgetting
from telemetry_server.privacy.raw_parts import raw_parts

PLACE = "files that repair moved aside"


def forget_strays(context: Forgetting, wanted: Wanted, *, changes: bool = True) -> dict[tuple[int, str], int]:
    """
    Remove what is wanted; return how many files were changed, by order and place.

    Args:
        changes: False: only count.

    Raises:
        OSError: The disk refuses; files that were replaced stay so.
    """
    changed: Counter[tuple[int, str]] = Counter()
    if wanted.is_empty:
        return changed
    order = min([*wanted.clients.values(), *wanted.documents.values()])
    folders = (context.root.stray, context.root.staging, context.root.state / SCRATCH_FOLDER)
    for path in (path for folder in folders for path in _files(folder)):
        scan = Scan(context.hash, [*wanted.hashes()])
        scan.scan_file(path, path.name)
        if scan.result.hits:
            if changes:
                _clean(context.disk, wanted, path)
            changed[order, PLACE] += 1
    return changed


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _clean(disk: Disk, wanted: Wanted, path: Path) -> None:
    with path.open("rb") as stream:
        head = stream.read(32)
    if head.startswith(ZSTD_MAGIC):
        _clean_lines(disk, wanted, path)
    elif head.startswith(FILE_MAGIC):
        _clean_segment(disk, wanted, path)
    elif head.startswith(SQLITE_MAGIC):
        _clean_database(disk, wanted, path)
    else:
        disk.unlink(path)
        disk.sync_directory(path.parent)


def _clean_lines(disk: Disk, wanted: Wanted, path: Path) -> None:
    """Write the lines that stay; what follows the last whole frame cannot be read, and goes."""
    unfinished = path.with_name(f".{path.name}.forget")
    disk.unlink(unfinished)
    descriptor = disk.create(unfinished)
    try:
        with path.open("rb") as stream:
            for _, text in whole_frames(stream):
                kept = [line for line in text[:-1].split(b"\n") if wanted.of_line(line) is None]
                if kept:
                    disk.write(descriptor, [compress_frame(b"\n".join([*kept, b""]), CLOSED_LEVEL)])
        disk.sync(descriptor)
    finally:
        disk.close(descriptor)
    disk.rename(unfinished, path)
    disk.sync_directory(path.parent)


def _clean_segment(disk: Disk, wanted: Wanted, path: Path) -> None:
    offsets = {part.offset for part in raw_parts(path) if wanted.of_part(part) is not None}
    try:
        remove_submissions(path, offsets, disk)
    except SegmentInUse:
        raise OSError(f"{path}: a process writes to it") from None


def _clean_database(disk: Disk, wanted: Wanted, path: Path) -> None:
    """Delete the rows of a database that hold a wanted id in any column."""
    hashes = set(wanted.hashes())

    def holds(value: object) -> bool:
        data = value if isinstance(value, bytes) else str(value).encode() if isinstance(value, str) else b""
        return any(wanted.hash.of_uuid(uuid) in hashes for uuid in ids_in_value(data))

    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in tables:
            quoted = '"' + name.replace('"', '""') + '"'
            cursor = connection.execute(f"SELECT * FROM {quoted}")  # noqa: S608 - a table of the database
            columns = ['"' + each[0].replace('"', '""') + '"' for each in cursor.description]
            gone = [row for row in cursor if any(map(holds, row))]
            where = " AND ".join(f"{column} IS ?" for column in columns)
            connection.executemany(f"DELETE FROM {quoted} WHERE {where}", gone)  # noqa: S608 - as above
    rewrite_database(path)
    for suffix in ("-wal", "-shm"):
        disk.unlink(path.with_name(path.name + suffix))
    disk.sync_directory(path.parent)
