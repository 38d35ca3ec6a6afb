"""
Counts segments and partition files one after another.

None of this needs the ledger, so another process can do it.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from storage.integrity.raw_count import RawCount, count_segment
from storage.partitions.frames import DamagedFrame, read_lines
from storage.partitions.line_counter import LineCounter
from storage.partitions.quarantine_items import items_in


@dataclass(frozen=True, slots=True)
class FileCount:
    """The committed part of a partition file."""

    lines: int = 0
    items: int = 0  # records, or refused submissions and histograms
    damage: str = ""  # what is wrong with its frames; then nothing was counted


@dataclass(frozen=True, slots=True)
class SegmentPiece:
    """A segment to be counted."""

    path: str
    size: int  # in bytes
    position: int  # up to where it was converted


@dataclass(frozen=True, slots=True)
class FilePiece:
    """A partition file to be counted, here and not in the archive."""

    path: str
    size: int  # in bytes: the committed part
    is_quarantine: bool


Piece = SegmentPiece | FilePiece
Count = RawCount | FileCount | None
"""It is None where the file does not exist."""
CountAll = Callable[[Sequence[Piece], Callable[[], None]], list[Count]]
"""
Counts pieces, and returns their counts in the same order; calls a function after each file that is there.

Raises OSError where a file exists but cannot be read.
"""


READ_AHEAD_BYTES = 8 << 20


def read_ahead(piece: Piece) -> None:
    """Ask the system to read the beginning of *piece* soon; it reads the rest ahead by itself."""
    with suppress(OSError):  # it is missing, or cannot be read: who counts it says so
        descriptor = os.open(piece.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.posix_fadvise(descriptor, 0, min(piece.size, READ_AHEAD_BYTES), os.POSIX_FADV_WILLNEED)
        finally:
            os.close(descriptor)


class PieceCounter:
    """
    Counts one piece after another.

    Args:
        frames: How many frames the partition files have, about.
    """

    def __init__(self, frames: int) -> None:
        self._lines = LineCounter(frames)

    def count_all(self, pieces: Sequence[Piece], on_counted: Callable[[], None]) -> list[Count]:
        """Count *pieces* as `CountAll` says, one after another."""
        return list(self._counts(pieces, on_counted))

    def _counts(self, pieces: Sequence[Piece], on_counted: Callable[[], None]) -> Iterator[Count]:
        for number, piece in enumerate(pieces, 1):
            for following in pieces[number : number + 1]:
                read_ahead(following)
            count = self.count(piece)
            if count is not None:
                on_counted()
            yield count

    def count(self, piece: Piece) -> Count:
        """
        Return the count of *piece*.

        Raises:
            OSError: It exists but cannot be read.
        """
        try:
            if isinstance(piece, SegmentPiece):
                return count_segment(Path(piece.path), piece.position)
            with Path(piece.path).open("rb") as stream:
                return self.count_stream(stream, piece.size, is_quarantine=piece.is_quarantine)
        except FileNotFoundError:
            return None

    def count_stream(self, stream: BinaryIO, length: int, *, is_quarantine: bool) -> FileCount:
        """Return the count of the first *length* bytes of a partition file."""
        lines = items = 0
        try:
            if not is_quarantine:
                lines = self._lines.count(stream, length)
                return FileCount(lines, lines)
            for line in read_lines(stream, length):
                lines += 1
                items += items_in(line)
        except (EOFError, DamagedFrame) as error:
            return FileCount(damage=str(error))
        return FileCount(lines, items)
