"""Writes files that appear only when they are complete; links are never followed."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

# Errors that may be temporary.
PASSING = frozenset(
    {errno.EIO, errno.EINTR, errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE}
)
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_numbers = count()


@contextmanager
def opened_directory(root: Path, parts: tuple[str, ...], *, create: bool = False) -> Iterator[int]:
    """
    Open the directory ``root/*parts`` and yield its descriptor; no part below *root* may be a link.

    Raises:
        OSError: From the kernel; `FileNotFoundError` if it does not exist and *create* is false.
    """
    if create:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The root itself may be a link: the operator chose it.
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            if create:
                _make(part, descriptor)
            inner = os.open(part, _DIRECTORY, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _make(name: str, directory: int) -> None:
    try:
        os.mkdir(name, 0o700, dir_fd=directory)
    except FileExistsError:
        return
    os.fsync(directory)


def write_file(directory: int, name: str, data: bytes) -> None:
    """
    Write *data* to *name* in an open *directory*; on return it would survive a power cut.

    Raises:
        OSError: From the kernel; then *name* is unchanged.
    """
    temporary = f".{name}.{os.getpid()}-{next(_numbers)}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(temporary, flags, 0o600, dir_fd=directory), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        _remove(temporary, directory)
        raise
    os.fsync(directory)


def _remove(name: str, directory: int) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except OSError:
        return
