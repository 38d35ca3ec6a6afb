"""Opens many files for reading: those of a year of days are more than most systems allow at first."""

import errno
import os
import resource
from pathlib import Path

FILE_FLAGS = os.O_RDONLY | os.O_CLOEXEC


def opened(path: Path) -> int:
    """
    Return a descriptor of *path*; it reads the same bytes after the file is replaced or unlinked.

    Raises:
        FileNotFoundError: The file does not exist.
        OSError: It cannot be opened, or too many are open.
    """
    try:
        return os.open(path, FILE_FLAGS)
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
    # The soft limit of most systems is less than they allow.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return os.open(path, FILE_FLAGS)
