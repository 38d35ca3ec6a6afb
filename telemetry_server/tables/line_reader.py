"""Reads stored lines back into rows, for what conversion did not put into the tables itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from storage.archive.object_reading import open_stored
from storage.ledger.archived_files import ArchivedObject
from storage.ledger.table_files import Tabled
from storage.partitions.frames import read_frames
from storage.tables.rows import TableRows
from telemetry_server.tables.task_rows import DefinitionFinder, TaskRows

STEP_BYTES = 2 << 20  # of converted files, compressed
MOST_TEXT_TIMES = 32
"""A step reads at most this many times its compressed bytes as text, and the rest of a frame."""


@dataclass(frozen=True, slots=True)
class LineRange:
    """Bytes of a converted file that begin and end with frames."""

    path: str  # below the data root
    day: str
    start: int
    end: int
    archived: ArchivedObject | None = None  # the copy in the archive, if there is one


@dataclass(frozen=True, slots=True)
class ReadBack:
    """Rows by day, and the ranges that they are of: the last may be shorter, and others missing."""

    rows: dict[str, TableRows]
    ranges: tuple[LineRange, ...]


def step_of(behind: Sequence[Tabled], step_bytes: int = STEP_BYTES) -> list[LineRange]:
    """Return the first ranges of what is *behind*, about *step_bytes* in all."""
    chosen: list[LineRange] = []
    for file in behind:
        if step_bytes <= 0:
            break
        chosen.append(LineRange(file.path, file.day, file.tabled, file.length))
        step_bytes -= file.length - file.tabled
    return chosen


def read_back(
    root: Path, ranges: Sequence[LineRange], finder: DefinitionFinder, step_bytes: int = STEP_BYTES
) -> ReadBack:
    """
    Return the rows of the records in *ranges*, up to the first frame that ends past *step_bytes*.

    Where the text of these lines is more than `MOST_TEXT_TIMES` as long, it ends before.

    Raises:
        FileNotFoundError: A file was merged into another meanwhile, or is lost.
        OSError: A file, or the revision cache, cannot be read.
        EOFError, DamagedFrame: A file is damaged.
        ArchiveError: A file is only in the archive, which does not answer, or has other bytes.
    """
    collectors: dict[str, TaskRows] = {}
    done = []
    left, left_text = step_bytes, step_bytes * MOST_TEXT_TIMES
    for wanted in ranges:
        if left <= 0 or left_text <= 0:
            break
        rows = collectors.setdefault(wanted.day, TaskRows(finder))
        end = wanted.start
        with open_stored(root, wanted.path, {wanted.path: wanted.archived}.get) as stream:
            for lines, position in read_frames(stream, wanted.start, wanted.end):
                for line in lines:
                    rows.add(line.partition(b"\t")[2], 0)
                left -= position - end
                left_text -= sum(map(len, lines))
                end = position
                if left <= 0 or left_text <= 0:
                    break
        done.append(replace(wanted, end=end))
    if finder.error is not None:
        raise finder.error  # without definitions the histograms of these records would have no rows
    return ReadBack({day: rows.rows for day, rows in collectors.items()}, tuple(done))
