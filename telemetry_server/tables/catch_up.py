"""Finds the records that are not in the tables, and reads their lines back."""

from collections.abc import Callable, Mapping, Sequence
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
        is_uncertain: Whether a step may end before its planned end, because the text is long.
    """

    def __init__(self, root: DataRoot, ledger: Ledger, finder: Callable[[], DefinitionFinder]) -> None:
        self.is_behind = True
        self.is_uncertain = False
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
            if ends.get(file.path, file.tabled) < file.length
            and file.path not in self._unreadable
            # Another process went past what waits here; that batch fails, and is read back.
            and not UNKNOWN_END < ends.get(file.path, file.tabled) < file.tabled
        ]
        self.is_behind = bool(behind)
        self.is_uncertain = self.is_uncertain and self.is_behind
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
            ends[one.path] = one.end if left >= 0 and not self.is_uncertain else UNKNOWN_END
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

    def settle(
        self,
        planned: Sequence[LineRange],
        read: ReadBack | LostFile,
        ends: dict[str, int],
        waiting: Mapping[str, tuple[int, int]],
    ) -> bool:
        """
        Update *ends* to what a step *read*.

        Args:
            planned: The ranges that `plan` chose for it.
            ends: As for `plan`.
            waiting: The bytes of files whose rows wait already, by path.

        Returns:
            Whether these rows may be used.  If not, conversion may have added rows for bytes after those that
            were not read: all that waits must be read back again.
        """
        if isinstance(read, LostFile):
            if self._ledger.tabled_length(*read.path.rsplit("/", 1)) is not None:
                self.give_up(read.path, "it is gone")
            return False
        read_to = {one.path: one.end for one in read.ranges}
        for one in planned:
            is_certain = ends.get(one.path) != UNKNOWN_END
            if read_to.get(one.path) != one.end and is_certain and one.path not in self._unreadable:
                self.is_uncertain = True
                return False
        for one in planned:
            if ends.get(one.path) != UNKNOWN_END:
                continue
            if one.path in read_to:
                ends[one.path] = read_to[one.path]
            elif one.path in waiting:
                ends[one.path] = waiting[one.path][1]
            else:
                del ends[one.path]
        return True

    def give_up(self, path: str, error: str) -> None:
        """Log that the file at *path* cannot be read, and do not read it again."""
        log.error("records are not in the tables: their file cannot be read", file=path, error=error)
        self._unreadable.add(path)
