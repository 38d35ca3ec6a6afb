"""Reads a backup into a new data root, which appears whole or not at all."""

import errno
import hashlib
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from storage.backup.contents import (
    LIST_NAME,
    CopyResult,
    FileDigest,
    is_allowed,
    is_of_ledger,
    parse_list,
)
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import NO_ROOM, BadBackup, LedgerError, NoDataRoot, OtherVersion, UnusablePlace
from storage.ledger.ledger import Ledger
from storage.lock import FileLock

CHUNK_BYTES = 1 << 20
MAX_LIST_BYTES = 1 << 30
MAX_SHOWN_CHARACTERS = 200


def restore(
    file: Path, target: Path, disk: Disk, *, on_file: Callable[[], None] = lambda: None
) -> CopyResult:
    """
    Make *target* the data root that the archive *file* holds.

    It is written beside *target* under a hidden name, checked, synced, and renamed.

    Raises:
        NoDataRoot: *target* exists and is not an empty folder.
        UnusablePlace: No folder can be made at *target*.
        BadBackup: The archive is damaged, cut short, or not a backup.
        OSError: The archive cannot be read, or the disk refuses.
    """
    _check_empty(target)
    with file.open("rb") as stream:
        staged = target.with_name(f".{target.name}.restoring")
        lock = _locked(target, disk)
        try:
            # Left by a killed restore.
            shutil.rmtree(staged, ignore_errors=True)
            copied = _extract(file, stream, staged, disk, on_file)
            DataRoot(staged).prepare(disk)
            _check_ledger(file, DataRoot(staged))
            _sync_folders(staged, disk)
            _check_empty(target)
            _put(staged, target, disk)
            disk.sync_directory(target.parent)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise
        finally:
            disk.unlink(lock.path)
            lock.release()
    return copied


def _locked(target: Path, disk: Disk) -> FileLock:
    """Take the lock beside *target*, whose parent is made if missing."""
    lock = FileLock(target.with_name(f".{target.name}.restoring.lock"))
    try:
        disk.make_directories(target.parent)
        is_taken = lock.acquire(wait=False)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        reason = f"{error.strerror or error}; name another place with --data"
        raise UnusablePlace(f"{target}: no data root can be made here: {reason}") from error
    if not is_taken:
        raise NoDataRoot(f"{target}: another restore is running there; wait for it")
    return lock


def _check_empty(target: Path) -> None:
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise NoDataRoot(f"{target}: not a folder; name another place with --data")
    if target.is_dir() and any(target.iterdir()):
        raise NoDataRoot(f"{target}: not empty; restore writes to a new place only, name one with --data")


def _put(staged: Path, target: Path, disk: Disk) -> None:
    try:
        # rename replaces nothing but an empty folder.
        disk.rename(staged, target)
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.EXDEV):
            raise
        raise NoDataRoot(f"{target}: a disk is mounted there; name a folder below it with --data") from None


def _extract(
    file: Path, stream: IO[bytes], staged: Path, disk: Disk, on_file: Callable[[], None]
) -> CopyResult:
    sums: dict[str, FileDigest] = {}
    listed: dict[str, FileDigest] | None = None
    try:
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            for member in archive:
                if listed is not None:
                    raise BadBackup(
                        f"{file}: {_shown(member.name)} follows its list of files; nothing was restored"
                    )
                source = archive.extractfile(member) if member.isreg() else None
                if source is None:
                    raise BadBackup(
                        f"{file}: {_shown(member.name)} is not a plain file; nothing was restored"
                    )
                if member.name == LIST_NAME:
                    listed = parse_list(source.read(MAX_LIST_BYTES))
                    continue
                if not is_allowed(member.name) or member.name in sums:
                    raise BadBackup(
                        f"{file}: {_shown(member.name)} is not part of a backup; nothing was restored"
                    )
                sums[member.name] = _write(staged / member.name, source, disk)
                on_file()
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise BadBackup(f"{file}: damaged, or not a backup ({error}); nothing was restored") from error
    if listed is None:
        raise BadBackup(f"{file}: the file ends too early; nothing was restored")
    wrong = next((path for path in {**listed, **sums} if listed.get(path) != sums.get(path)), None)
    if wrong is not None:
        raise BadBackup(f"{file}: its file {_shown(wrong)} is damaged or missing; nothing was restored")
    return CopyResult(len(sums), sum(each.length for each in sums.values()))


def _check_ledger(file: Path, root: DataRoot) -> None:
    """Refuse a ledger that names files elsewhere: commands would read, rewrite and remove them."""
    try:
        with Ledger.for_reading(root) as ledger:
            if ledger.is_absent:
                return
            paths = [each.path for each in ledger.files()]
            paths += [each.path for each in ledger.table_files()]
            paths += [f"raw/{name}" for name in ledger.positions()]
    except OtherVersion:
        return  # no command uses it
    except (LedgerError, sqlite3.Error) as error:
        raise BadBackup(f"{file}: its ledger cannot be read ({error}); nothing was restored") from error
    wrong = next((path for path in paths if not is_of_ledger(path)), None)
    if wrong is not None:
        raise BadBackup(f"{file}: its ledger names the file {_shown(wrong)}; nothing was restored")


def _shown(name: str) -> str:
    """Return a name in an archive, which a stranger may have made, as one short word of a message."""
    short = name[:MAX_SHOWN_CHARACTERS]
    return short if is_allowed(name) else repr(short)


def _write(path: Path, source: IO[bytes], disk: Disk) -> FileDigest:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest, length = hashlib.sha256(), 0
    descriptor = disk.create(path)
    try:
        while data := source.read(CHUNK_BYTES):
            disk.write(descriptor, [data])
            digest.update(data)
            length += len(data)
        disk.sync(descriptor)
    finally:
        disk.close(descriptor)
    return FileDigest(length, digest.hexdigest())


def _sync_folders(staged: Path, disk: Disk) -> None:
    for folder in (staged, *(path for path in staged.rglob("*") if path.is_dir())):
        disk.sync_directory(folder)
