"""Where a result goes: a file that appears whole or not at all, or standard output."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from storage.disk import Disk

HELD_BYTES = 2**20


class HeldOutput:
    """
    Writes to *stream*, which stays empty where the statement fails before `HELD_BYTES` of result.

    `release` writes the rest; without it nothing more is written.
    """

    closed = False  # PyArrow asks

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._held: list[bytes] | None = []
        self._held_bytes = 0

    def write(self, data: bytes) -> int:
        """Write *data* now or later."""
        if self._held is None:
            self._stream.write(data)
        else:
            self._held.append(bytes(data))
            self._held_bytes += len(data)
            if self._held_bytes > HELD_BYTES:
                self.release()
        return len(data)

    def flush(self) -> None:
        """Do nothing: `release` flushes."""

    def release(self) -> None:
        """Write what was held, and all that follows at once."""
        held, self._held = self._held, None
        for data in held or ():
            self._stream.write(data)
        self._stream.flush()


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """
    Open *path* for writing; it appears, or replaces what is there, when the block ends without an exception.

    A pipe or a device is written to as it is.

    Raises:
        OSError: The file cannot be made.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        with target.open("wb") as stream:
            yield stream
        return
    disk = Disk()
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("xb") as stream:
            yield stream
            stream.flush()
            disk.sync_data(stream.fileno())
        disk.rename(unfinished, target)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    disk.sync_directory(target.parent)
