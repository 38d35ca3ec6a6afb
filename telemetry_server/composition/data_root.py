"""Finds, checks and creates the data root that the settings name."""

import errno
import os
from pathlib import Path

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import NO_ROOM
from telemetry_server.settings.errors import ConfigurationError
from telemetry_server.settings.settings import Settings


def prepare_data_root(settings: Settings) -> DataRoot:
    """
    Return the data root after creating every folder that a process writes to.

    Raises:
        ConfigurationError: It cannot be created, or is not writable.
        NoDataRoot: The path is something else than a folder.
    """
    root = DataRoot(settings.data_dir.resolve())
    try:
        root.prepare(Disk())
        _refuse_inaccessible(root)
    except OSError as error:
        raise _unusable("data_dir", settings.data_dir, "set --data", error) from None
    return root


def existing_data_root(settings: Settings) -> DataRoot:
    """
    Return the data root, for a command that only reads it.

    Raises:
        NoDataRoot: The folder does not exist, or is not a data root.
    """
    root = DataRoot(settings.data_dir.resolve())
    root.check_present()
    return root


def writable_data_root(settings: Settings) -> DataRoot:
    """
    Return the data root, for a command that writes to an existing one.

    Raises:
        ConfigurationError: It is not writable.
        NoDataRoot: As for `existing_data_root`.
    """
    existing_data_root(settings)
    return prepare_data_root(settings)


def prepare_revision_cache(settings: Settings) -> Path:
    """
    Return the folder of the revision cache, created if missing.

    Raises:
        ConfigurationError: It cannot be created, or is not writable.
        NoDataRoot: It belongs in the data root, which is not a folder.
    """
    directory = revision_cache_path(settings)
    try:
        Disk().make_directories(directory)
        if not os.access(directory, os.W_OK | os.X_OK):
            number = _why_inaccessible(directory)
            raise OSError(number, os.strerror(number))
    except OSError as error:
        if _keeps_definitions(settings):
            raise _unusable("data_dir", settings.data_dir, "set --data", error) from None
        raise _unusable("revision_cache_dir", directory, "name another folder", error) from None
    return directory


def revision_cache_path(settings: Settings) -> Path:
    """
    Return the folder of the revision cache, which may be missing: that means empty.

    Raises:
        NoDataRoot: It belongs in the data root, which is not a folder.
    """
    if _keeps_definitions(settings):
        DataRoot(settings.data_dir.resolve()).check_no_file()
    return settings.revision_cache_dir.resolve()


def inaccessible_part(root: DataRoot) -> Path | None:
    """Return the first existing part of *root* that this user may not access; None if there is none."""
    for folder in (root.path, root.raw, root.converted, root.quarantine, root.state):
        if folder.exists() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            return folder
    if root.ledger.exists() and not os.access(root.ledger, os.R_OK | os.W_OK):
        return root.ledger
    return None


def _refuse_inaccessible(root: DataRoot) -> None:
    part = inaccessible_part(root)
    if part is not None:
        number = _why_inaccessible(part)
        raise OSError(number, f"{os.strerror(number)} ({part})")


def _why_inaccessible(path: Path) -> int:
    """Return the error number of an access that was refused: a disk mounted read-only, or permissions."""
    return errno.EROFS if os.statvfs(path).f_flag & os.ST_RDONLY else errno.EACCES


def _keeps_definitions(settings: Settings) -> bool:
    return settings.revision_cache_dir.resolve() == DataRoot(settings.data_dir.resolve()).specs


def _unusable(setting: str, path: Path, remedy: str, error: OSError) -> Exception:
    # A full disk is not a wrong setting: a later try may succeed.
    if error.errno in NO_ROOM:
        return error
    return ConfigurationError(f"{setting} {path} cannot be used: {error.strerror}; {remedy}")
