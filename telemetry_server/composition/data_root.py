"""The data root that settings name: made by commands that put something in, looked for by the others."""

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
    The data root, with every folder that a process writes to, so that a wrong path is one line now.

    Raises:
        ConfigurationError: It cannot be made, or not be written to.
        NoDataRoot: Something else is in its place.
    """
    root = DataRoot(settings.data_dir.resolve())
    try:
        root.prepare(Disk())
        _refuse_closed(root)
    except OSError as error:
        raise _unusable("data_dir", settings.data_dir, "set --data", error) from None
    return root


def existing_data_root(settings: Settings) -> DataRoot:
    """
    The data root, for a command that has nothing to do where there is none.

    Raises:
        NoDataRoot: There is nothing there, or a folder that is no data root.
    """
    root = DataRoot(settings.data_dir.resolve())
    root.check_present()
    return root


def writable_data_root(settings: Settings) -> DataRoot:
    """
    The data root, for a command that writes and has nothing to do where there is none.

    Raises:
        ConfigurationError: It cannot be written to.
        NoDataRoot: As `existing_data_root`.
    """
    existing_data_root(settings)
    return prepare_data_root(settings)


def prepare_revision_cache(settings: Settings) -> Path:
    """
    The folder of the revision cache, made where it is not there yet.

    Raises:
        ConfigurationError: It cannot be made, or not be written to.
        NoDataRoot: It belongs in the data root, and that is no folder.
    """
    directory = revision_cache_path(settings)
    try:
        Disk().make_directories(directory)
        if not os.access(directory, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        if _keeps_definitions(settings):
            raise _unusable("data_dir", settings.data_dir, "set --data", error) from None
        raise _unusable("revision_cache_dir", directory, "name another folder", error) from None
    return directory


def revision_cache_path(settings: Settings) -> Path:
    """
    The folder of the revision cache, for a command that only looks: an absent one is an empty one.

    Raises:
        NoDataRoot: It belongs in the data root, and that is no folder.
    """
    if _keeps_definitions(settings):
        DataRoot(settings.data_dir.resolve()).check_no_file()
    return settings.revision_cache_dir.resolve()


def inaccessible_part(root: DataRoot) -> Path | None:
    """The first part of *root* that is there and that this user may not use; None if all may be."""
    for folder in (root.path, root.raw, root.converted, root.quarantine, root.state):
        if folder.exists() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            return folder
    if root.ledger.exists() and not os.access(root.ledger, os.R_OK | os.W_OK):
        return root.ledger
    return None


def _refuse_closed(root: DataRoot) -> None:
    closed = inaccessible_part(root)
    if closed is not None:
        raise PermissionError(errno.EACCES, f"{os.strerror(errno.EACCES)} ({closed})")


def _keeps_definitions(settings: Settings) -> bool:
    return settings.revision_cache_dir.resolve() == DataRoot(settings.data_dir.resolve()).specs


def _unusable(setting: str, path: Path, remedy: str, error: OSError) -> Exception:
    # A full disk is no wrong setting: trying again may help.
    if error.errno in NO_ROOM:
        return error
    return ConfigurationError(f"{setting} {path} cannot be used: {error.strerror}; {remedy}")
