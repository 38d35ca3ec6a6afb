"""
Counts the lines of many files, fast also where most frames are small.

`ZstdDecompressor` reads one frame.  To make one takes longer than to read a frame of 1 KB: 11 µs on a
virtual machine.  PyArrow has one decompressor for all frames of a stream.
Only `count_lines` decides what is damaged: where PyArrow reports anything, the file is read again.
"""

import io
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import BinaryIO

from storage.partitions.frames import CHUNK_BYTES, count_lines, newlines_in

FRAMES_WORTH_IMPORT = 6_000
"""Reading so many small frames takes as long as importing PyArrow."""


class LineCounter:
    """
    Counts the lines of one file after another.

    Args:
        frames: How many frames the files have, about.
    """

    def __init__(self, frames: int) -> None:
        self._frames = frames

    def count(self, stream: BinaryIO, length: int) -> int:
        """Return what `count_lines` returns for the first *length* bytes; raise the same errors."""
        is_local = isinstance(stream, io.BufferedReader)  # an archive is not asked twice
        if is_local and self._frames >= FRAMES_WORTH_IMPORT and self._arrow is not None:
            lines = _lines_by_arrow(self._arrow, stream, length)
            if lines is not None:
                return lines
            stream.seek(0)
        return count_lines(stream, length)

    @cached_property
    def _arrow(self) -> ModuleType | None:
        try:
            return import_module("pyarrow")
        except ImportError:
            return None


class _Part(io.RawIOBase):
    """The first *length* bytes of a stream."""

    def __init__(self, stream: BinaryIO, length: int) -> None:
        super().__init__()
        self._stream = stream
        self.left = length

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(data)
        return data


def _lines_by_arrow(arrow: ModuleType, stream: BinaryIO, length: int) -> int | None:
    """Return the number of lines; None unless all bytes are whole frames of whole lines."""
    count, last = 0, b"\n"
    part = _Part(stream, length)
    try:
        with arrow.CompressedInputStream(arrow.PythonFile(part, mode="r"), "zstd") as texts:
            while text := texts.read(CHUNK_BYTES):
                count += newlines_in(text)
                last = text[-1:]
    except (arrow.ArrowException, OSError):
        return None
    return None if part.left or last != b"\n" else count
