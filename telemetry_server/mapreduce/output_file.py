"""Where the output of a job goes: a file that appears whole, or standard output."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, TextIO

from storage.errors import NO_ROOM
from telemetry_server.analysis.output import whole_file
from telemetry_server.mapreduce.errors import UnusableFolder
from telemetry_server.terminal.printable import printable


class TakesBytes(Protocol):
    """What output is written to."""

    def write(self, data: bytes, /) -> object:
        """Write *data*."""


def check_writable(path: Path) -> None:
    """
    Check that *path* can be written before any work is done.

    Raises:
        UnusableFolder: It cannot.
    """
    target = path.resolve()
    if target.is_dir():
        raise UnusableFolder(f"{path}: is a folder; name a file")
    if target.exists() and not target.is_file():
        return  # a pipe or a device
    probe = target.with_name(f".{target.name}.{os.getpid()}.probe")
    try:
        probe.open("xb").close()
        probe.unlink()
    except OSError as error:
        raise _unusable(path, error) from None


@contextmanager
def whole_output(path: Path) -> Iterator[BinaryIO]:
    """
    Open the file *path*, which appears whole when the block ends without an exception.

    Raises:
        UnusableFolder: It cannot be written.
    """
    try:
        with whole_file(path) as stream:
            yield stream
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _unusable(path, error) from None


def _unusable(path: Path, error: OSError) -> Exception:
    if error.errno in NO_ROOM:
        return error
    return UnusableFolder(f"{path}: {error.strerror}")


class _ForTerminal:
    """Writes text with escapes for what would control the terminal."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, data: bytes, /) -> object:
        lines = data.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
        shown = "\n".join("\t".join(map(printable, line.split("\t"))) for line in lines)
        return self._stream.write(shown.encode())


@contextmanager
def standard_output(stdout: TextIO) -> Iterator[TakesBytes]:
    """Write to *stdout*; what clients sent cannot control a terminal."""
    stdout.flush()
    yield _ForTerminal(stdout.buffer) if stdout.isatty() else stdout.buffer
    stdout.buffer.flush()
