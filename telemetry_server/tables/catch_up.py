"""Finds the records that are not in the tables, and reads their lines back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.data_root import DataRoot
from storage.errors import ArchiveError
from storage.ledger.ledger import Ledger
from storage.partitions.frames import DamagedFrame
from telemetry_server.observability.loggers import get_logger
from telemetry_server.tables.line_reader import STEP_BYTES, LineRange, ReadBack, read_back, step_of
from telemetry_server.tables.task_rows import DefinitionFinder

log = get_logger("convert")

UNKNOWN_END = -1
"""End of a range that may end earlier than planned, because a step reads a limited number of bytes."""


@dataclass(frozen=True, slots=True)
class LostFile:
    """A file that was to be read back is missing."""

    path: str


class CatchUp:
    """
    Reads back the records of one data root that are not in the tables.

    Attributes:
        is_behind: Whether there may be such records.
    """

    def __init__(self, root: DataRoot, ledger: Ledger, finder: Callable[[], DefinitionFinder]) -> None:
        self.is_behind = True
        self._root = root
        self._ledger = ledger
        self._finder = finder
        self._unreadable: set[str] = set()

    def plan(self, ends: dict[str, int]) -> list[LineRange]:
        """
        Choose what to read back.

        Args:
            ends: By the path of a converted file, the length that is in the tables or will be
                soon.  It is updated, so that what conversion adds from now on continues the plan.
        """
        behind = [
            file
            for file in self._ledger.tabled(behind_only=True)
            if ends.get(file.path, file.tabled) < file.length and file.path not in self._unreadable
        ]
        self.is_behind = bool(behind)
        ranges = [
            LineRange(
                one.path,
                one.day,
                max(one.start, ends.get(one.path, 0)),
                one.end,
                self._ledger.archived_object(one.path),
            )
            for one in step_of(behind, STEP_BYTES)
        ]
        left = STEP_BYTES
        for one in ranges:
            left -= one.end - one.start
            # Conversion may continue where the step is certain to end.
            ends[one.path] = one.end if left >= 0 else UNKNOWN_END
        return ranges

    def read(self, ranges: Sequence[LineRange]) -> ReadBack | LostFile:
        """Read the lines of *ranges* into rows; a damaged file is logged and not read again."""
        try:
            return read_back(self._root.path, ranges, self._finder(), STEP_BYTES)
        except FileNotFoundError as error:
            return LostFile(str(Path(error.filename).relative_to(self._root.path)))
        except (EOFError, DamagedFrame, ArchiveError) as error:
            if len(ranges) > 1:
                # One at a time, to find the damaged file.
                return self.read(ranges[:1])
            self.give_up(ranges[0].path, str(error))
            return ReadBack({}, ())

    def give_up(self, path: str, error: str) -> None:
        """Log that the file at *path* cannot be read, and do not read it again."""
        log.error("records are not in the tables: their file cannot be read", file=path, error=error)
        self._unreadable.add(path)
