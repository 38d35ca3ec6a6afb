"""Merges the small files of a closed day into few large ones, while readers continue."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from storage.disk import Disk
from storage.ledger.ledger import Ledger
from storage.ledger.values import StoredFile
from storage.partitions.frames import CHUNK_BYTES, pack_frames, read_frames, read_lines
from storage.partitions.writer import MAX_FILE_BYTES, appear, doubt_new, remove_doubtful, temporary

CLOSED_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Merged:
    """The result for one directory."""

    directory: str
    files_before: int
    bytes_before: int
    bytes_after: int
    records: int


def is_worth_merging(files: list[StoredFile]) -> bool:
    """Several files, or frames much smaller than a closed file's."""
    length = sum(file.length for file in files)
    frames = sum(file.frames for file in files)
    return len(files) > 1 or frames > 2 + 8 * length // CHUNK_BYTES


def compact_day(root: Path, ledger: Ledger, disk: Disk, day: str) -> Iterator[Merged]:
    """
    Merge the files of each partition and quarantine folder of *day* (YYYYMMDD).

    Files in the archive stay as they are.
    The merged file is whole and synced before one transaction of the ledger replaces the others
    by it; the others are removed afterwards.  The caller holds the converter's lock.

    Raises:
        OSError: The disk refuses; the current directory is unchanged.
        EOFError: A committed file is damaged; it is unchanged.
        StrayFile: A file that the ledger does not know has the name of the new one.
    """
    remove_doubtful(root, ledger, disk)
    archived = ledger.archived_objects(day)
    for store in ("converted", "quarantine"):
        by_directory: dict[tuple[str, int], list[StoredFile]] = {}
        for file in ledger.files(f"{store}/{day}"):
            if file.path in archived:
                continue
            by_directory.setdefault((file.directory, file.schema_id), []).append(file)
        for (directory, _), files in by_directory.items():
            small = [file for file in files if not (file.closed and file.length > MAX_FILE_BYTES // 2)]
            if small and is_worth_merging(small):
                yield _merge(root, ledger, disk, directory, small)


def _merge(root: Path, ledger: Ledger, disk: Disk, directory: str, files: list[StoredFile]) -> Merged:
    with ledger.transaction() as transaction:
        number = transaction.number_files(1)
        target = StoredFile(
            directory, f"part-{number:010}.zst", 0, 0, 0, closed=True, schema_id=files[0].schema_id
        )
        doubt_new(root, transaction, [target.path])
    tabled = {file.path: ledger.tabled_length(file.directory, file.name) or 0 for file in files}
    if any(tabled.values()):
        # Lines that are in the tables come first, so that one length separates them from the others.
        parts = [_lines_between(root, files, {}, tabled), _lines_between(root, files, tabled, {})]
    else:
        parts = [iter(()), _lines(root, files)]
    target, (tabled_length, _) = _write_parts(root, disk, target, parts, CLOSED_LEVEL)
    records = sum(file.records for file in files)
    if target.records != records:
        raise EOFError(f"{directory}: {target.records} records where the ledger says {records}")
    with ledger.transaction() as transaction:
        transaction.put_file(target)
        transaction.confirm([target.path])
        for file in files:
            transaction.drop_file(file)
        if tabled_length:
            transaction.move_tabled(target.directory, target.name, tabled_length)
    remove_doubtful(root, ledger, disk)
    return Merged(directory, len(files), sum(file.length for file in files), target.length, records)


def write_lines(root: Path, disk: Disk, target: StoredFile, lines: Iterator[bytes], level: int) -> StoredFile:
    """Write *lines* (without newlines) to the new file *target*, synced, and return it with its counts."""
    return _write_parts(root, disk, target, [lines], level)[0]


def _write_parts(
    root: Path, disk: Disk, target: StoredFile, parts: Sequence[Iterator[bytes]], level: int
) -> tuple[StoredFile, list[int]]:
    """Write the lines of *parts* as `write_lines` does; also return where each part ends, in bytes."""
    path = root / target.path
    disk.unlink(temporary(path))
    descriptor = disk.create(temporary(path))
    ends = []
    try:
        for lines in parts:
            for data, count in pack_frames(lines, level):
                disk.write(descriptor, [data])
                target = replace(
                    target,
                    length=target.length + len(data),
                    records=target.records + count,
                    frames=target.frames + 1,
                )
            ends.append(target.length)
        disk.sync(descriptor)
    finally:
        disk.close(descriptor)
    appear(root, target.path, disk)
    disk.sync_directory(path.parent)
    return target, ends


def _lines_between(
    root: Path, files: list[StoredFile], starts: Mapping[str, int], ends: Mapping[str, int]
) -> Iterator[bytes]:
    """Yield the lines of *files* between two bytes of each; by default, from its start, to its end."""
    for file in files:
        with (root / file.path).open("rb") as stream:
            start, end = starts.get(file.path, 0), ends.get(file.path, file.length)
            for lines, _ in read_frames(stream, start, end):
                yield from lines


def _lines(root: Path, files: list[StoredFile]) -> Iterator[bytes]:
    for file in files:
        with (root / file.path).open("rb") as stream:
            yield from read_lines(stream, file.length)
