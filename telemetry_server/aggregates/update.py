"""Brings the tables of days up to date with the table files, and checks them against these."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from storage.aggregates.changes import Change, note_changes
from storage.aggregates.day_table import (
    FOLDER,
    LIST_NAME,
    SEALED,
    UNFINISHED_PREFIX,
    DayTable,
    Summarised,
    days_with_table,
    folder_of,
    read_day_table,
    summary_name,
    unlisted,
    write_day_table,
)
from storage.aggregates.summary_file import Summary, compressor_version
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import BrokenAggregate
from storage.ledger.archived_files import ArchivedObject
from storage.ledger.ledger import Ledger
from storage.ledger.table_files import TableFile
from storage.lock import FileLock
from telemetry_server.aggregates.day_pings import DayPings
from telemetry_server.aggregates.summarise import SUMMARISED, summarise
from telemetry_server.analysis.committed_files import ADVICE

SUMMARISER_VERSION = f"4, {compressor_version()}"
"""Summaries of another version are made anew; compressors of several releases may write other bytes."""
LOCK_NAME = "aggregates.lock"
SEALED_NAME = summary_name(SEALED, SEALED)
ATTEMPTS = 5


class TablesKeepChanging(Exception):
    """Table files were replaced at every attempt; the next run goes on.  One line."""


class TableFileMissing(Exception):
    """The ledger lists a table file that is neither here nor in the archive.  One line."""


@dataclass(slots=True)
class UpdateResult:
    """What a run did."""

    days: list[str] = field(default_factory=list)  # that changed
    summaries: int = 0  # made
    rows: int = 0  # of table files that were summarised
    overflows: list[str] = field(default_factory=list)


class Updater:
    """
    Brings the day tables of one data root up to date.

    Args:
        on_rows: Called with the number of rows of each file that was summarised.
    """

    def __init__(
        self,
        root: DataRoot,
        disk: Disk,
        on_rows: Callable[[int], None] = lambda _: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._root = root
        self._disk = disk
        self._on_rows = on_rows
        self._clock = clock
        self._changes: list[Change] = []

    def update(self) -> UpdateResult:
        """
        Bring all days up to date; another process that does so is waited for.

        Raises:
            OSError: The disk refuses; what was finished stays.
            TableFileMissing: A table file is lost; what was finished stays.
            TablesKeepChanging: A day could not be read.
        """
        result = UpdateResult()
        self._disk.make_directories(self._root.state / FOLDER)
        with FileLock(self._root.state / LOCK_NAME).held():
            for day in days_of(self._root):
                self._update_day(day, result)
            note_changes(self._root, self._disk, self._now(), self._changes)
        self._changes = []
        return result

    def _now(self) -> str:
        return f"{self._clock():%Y-%m-%dT%H:%M:%SZ}"

    def _note(self, day: str, old: DayTable | None, new: DayTable | None) -> None:
        """Note a change of a day that is over."""
        if day >= f"{self._clock():%Y%m%d}":
            return
        before, after = (0 if table is None else table.pings for table in (old, new))
        if before != after:
            self._changes.append(Change(self._now(), day, before, after))

    def _update_day(self, day: str, result: UpdateResult) -> None:
        for attempt in range(ATTEMPTS):
            try:
                self._attempt(day, result)
                return
            except FileNotFoundError:
                lost = _lost_file(self._root, day)
                if lost is not None:
                    raise TableFileMissing(f"{lost} is missing; {ADVICE}") from None
                # Merged into another file since it was listed.
                if attempt == ATTEMPTS - 1:
                    raise TablesKeepChanging(f"the table files of {day} are replaced all the time") from None

    def _attempt(self, day: str, result: UpdateResult) -> None:
        files = files_of(self._root, day)
        old = _readable(self._root, day)
        if old is not None and old.is_sealed:
            self._remove_rest(old, day)
            return
        if old is None and self._is_damaged_and_sealed(day):
            return
        if not files:
            self._remove(day)
            self._note(day, old, None)
            return
        if old is not None and self._is_complete(old, files):
            return
        self._disk.make_directories(folder_of(self._root, day))
        kept = {} if old is None or old.version != SUMMARISER_VERSION else _kept(self._root, old)
        made = self._summarised(day, files, kept, result)
        new = DayTable(day, SUMMARISER_VERSION, tuple(made))
        if new != old:
            write_day_table(self._root, self._disk, new)
            self._note(day, old, new)
            result.days.append(day)
        self._remove_rest(new, day)

    def _is_damaged_and_sealed(self, day: str) -> bool:
        """Return whether *day* has a damaged list and a sealed summary, which could not be made again."""
        folder = folder_of(self._root, day)
        return (folder / LIST_NAME).exists() and (folder / SEALED_NAME).exists()

    def _remove_rest(self, table: DayTable | None, day: str) -> None:
        for path in list(unlisted(self._root, table, day)):
            self._disk.unlink(path)

    def _is_complete(self, table: DayTable, files: Sequence[TableFile]) -> bool:
        is_rest_gone = not list(unlisted(self._root, table, table.day))
        return is_rest_gone and is_current(table, files) and len(_kept(self._root, table)) == len(table.parts)

    def _summarised(
        self,
        day: str,
        files: Sequence[TableFile],
        kept: dict[tuple[str, str], Summarised],
        result: UpdateResult,
    ) -> list[Summarised]:
        folder = folder_of(self._root, day)
        pings = DayPings(self._root, files, archived_of(self._root, day))
        found = []
        for file in files:
            part = kept.get((file.table, file.name))
            if part is None:
                target = folder / Summarised(file.table, file.name, file.rows, "").file_name
                unfinished = folder / f"{UNFINISHED_PREFIX}{target.name}"
                self._disk.unlink(unfinished)
                made = summarise(file.table, pings.source(file), pings, self._disk, unfinished)
                self._disk.rename(unfinished, target)
                part = Summarised(file.table, file.name, file.rows, made.digest)
                result.summaries += 1
                result.rows += file.rows
                result.overflows += [f"{day}: {name}" for name in made.overflows]
                self._on_rows(file.rows)
            found.append(part)
        self._disk.sync_directory(folder)
        return found

    def _remove(self, day: str) -> None:
        """Remove the table of a day without table files."""
        folder = folder_of(self._root, day)
        self._disk.unlink(folder / LIST_NAME)
        self._remove_rest(None, day)
        with suppress(OSError):
            folder.rmdir()


def days_of(root: DataRoot) -> list[str]:
    """Return the days that have table files or a table."""
    with Ledger.for_reading(root) as ledger:
        days = {file.day for file in ledger.table_files()}
    return sorted(days.union(days_with_table(root)))


def files_of(root: DataRoot, day: str | None = None) -> list[TableFile]:
    """Return the table files that are summarised, of one *day* if given, in order."""
    with Ledger.for_reading(root) as ledger:
        return [file for file in ledger.table_files(day=day) if file.table in SUMMARISED and file.rows]


def days_behind(root: DataRoot, first: str = "", last: str = "") -> list[str]:
    """
    Return the days from *first* to *last*, where given, that are not summed up to date.

    Raises:
        BrokenAggregate: The list of such a day is damaged.
    """
    days = [day for day in days_of(root) if day >= first and (not last or day <= last)]
    tables = {day: read_day_table(root, day) for day in days}
    files: dict[str, list[TableFile]] = defaultdict(list)
    for file in files_of(root):
        files[file.day].append(file)
    return [day for day, table in tables.items() if is_behind(table, files[day])]


def is_behind(table: DayTable | None, files: Sequence[TableFile]) -> bool:
    """Return whether *table* is not the sum of *files*; what is sealed stays as it is."""
    if table is None:
        return bool(files)
    return not table.is_sealed and not is_current(table, files)


def archived_of(root: DataRoot, day: str) -> dict[str, ArchivedObject]:
    """Return the copies of the files of *day* in the archive, by path."""
    with Ledger.for_reading(root) as ledger:
        return ledger.archived_objects(day)


def _lost_file(root: DataRoot, day: str) -> Path | None:
    """Return a table file of *day* that is missing and still listed."""
    gone = {file.path for file in files_of(root, day) if not (root.path / file.path).exists()}
    # A file that was merged or archived meanwhile left the list, or has its copy, before it was removed here.
    archived = archived_of(root, day)
    lost = [file.path for file in files_of(root, day) if file.path in gone and file.path not in archived]
    return root.path / lost[0] if lost else None


def is_current(table: DayTable, files: Sequence[TableFile]) -> bool:
    """Return whether *table* is the sum of *files*."""
    listed = [(part.table, part.name, part.rows) for part in table.parts]
    return table.version == SUMMARISER_VERSION and listed == [
        (file.table, file.name, file.rows) for file in files
    ]


def _readable(root: DataRoot, day: str) -> DayTable | None:
    try:
        return read_day_table(root, day)
    except BrokenAggregate:
        return None


def _kept(root: DataRoot, table: DayTable) -> dict[tuple[str, str], Summarised]:
    """Return the parts of *table* whose summary is there, by table and name."""
    folder = folder_of(root, table.day)
    return {(part.table, part.name): part for part in table.parts if _is_readable(folder, part)}


def _is_readable(folder: Path, part: Summarised) -> bool:
    try:
        return Summary(folder / part.file_name).digest == part.digest
    except (OSError, BrokenAggregate):
        return False
