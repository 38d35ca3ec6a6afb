"""Damaged or missing committed files: a deletion skips them, and continues after their repair."""

from collections.abc import Iterator
from contextlib import contextmanager

from storage.errors import LostFile
from storage.partitions.frames import DamagedFrame


class DamagedFile(Exception):
    """A committed file cannot be read whole.  One line."""


class MissingFile(DamagedFile):
    """A committed file is missing: lost, or replaced since it was listed."""


@contextmanager
def damage_of(path: str) -> Iterator[None]:
    """
    Convert errors that show damage of the file *path* to `DamagedFile`.

    Raises:
        MissingFile: The file is missing.
        DamagedFile: The file is damaged.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise MissingFile(f"{LostFile(path)}, then forget again") from error
    except (EOFError, DamagedFrame) as error:
        raise _damaged(path, error) from error
    except OSError as error:
        # PyArrow raises a plain OSError for a block that cannot be inflated.
        if type(error) is OSError and error.errno is None:
            raise _damaged(path, error) from error
        raise
    except ValueError as error:
        if type(error).__module__.startswith("pyarrow"):
            raise _damaged(path, error) from error
        raise


def _damaged(path: str, error: Exception) -> DamagedFile:
    reason = str(error).splitlines()[0] if str(error) else "it ends early"
    return DamagedFile(f"{path}: damaged: {reason}; run audit and repair, then forget again")
