"""Compares day tables with new ones, made of the same table files."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from storage.aggregates.day_table import DayTable, folder_of, read_day_table
from storage.aggregates.summary_file import Summary
from storage.data_root import DataRoot
from storage.disk import Disk
from storage.errors import BrokenAggregate
from storage.ledger.table_files import TableFile
from telemetry_server.aggregates.day_pings import DayPings
from telemetry_server.aggregates.summarise import summarise
from telemetry_server.aggregates.update import SUMMARISER_VERSION, archived_of, days_of, files_of, is_behind

ATTEMPTS = 5


@dataclass(slots=True)
class CheckResult:
    """What a check found."""

    days: int = 0  # that have a table
    summaries: int = 0  # made anew and compared
    behind: list[str] = field(default_factory=list)  # days that do not cover all table files
    findings: list[str] = field(default_factory=list)


class Checker:
    """
    Checks the day tables of one data root; nothing there is changed.

    Args:
        on_rows: Called with the number of rows of each file that was read.
    """

    def __init__(self, root: DataRoot, on_rows: Callable[[int], None] = lambda _: None) -> None:
        self._root = root
        self._on_rows = on_rows

    def check(self) -> CheckResult:
        """
        Make all summaries anew and compare them.

        A table that does not cover all files yet is not a finding; neither are files that were merged since.
        """
        result = CheckResult()
        for day in days_of(self._root):
            for attempt in range(ATTEMPTS):
                found = CheckResult()
                try:
                    self._check_day(day, found)
                except FileNotFoundError as error:
                    # Replaced meanwhile, or lost.
                    if attempt < ATTEMPTS - 1:
                        continue
                    found.findings.append(f"{day}: {error.filename} is gone")
                result.days += found.days
                result.summaries += found.summaries
                result.behind += found.behind
                result.findings += found.findings
                break
        return result

    def _check_day(self, day: str, result: CheckResult) -> None:
        try:
            table = read_day_table(self._root, day)
        except BrokenAggregate as error:
            result.days += 1
            result.findings.append(f"{day}: {error}")
            return
        files = files_of(self._root, day)
        if is_behind(table, files):
            result.behind.append(day)
        if table is None:
            return
        result.days += 1
        whole = [self._is_whole(table, place, result) for place in range(len(table.parts))]
        if table.is_sealed or table.version != SUMMARISER_VERSION:
            return
        by_name = {(file.table, file.name): file for file in files}
        pings = DayPings(self._root, files, archived_of(self._root, table.day))
        for part, is_whole in zip(table.parts, whole, strict=True):
            file = by_name.get((part.table, part.name))
            if file is None or not is_whole:
                continue
            result.summaries += 1
            if self._digest(file, pings) != part.digest:
                result.findings.append(f"{day}: {part.file_name} differs from a new one")
            self._on_rows(file.rows)

    def _is_whole(self, table: DayTable, place: int, result: CheckResult) -> bool:
        part = table.parts[place]
        path = folder_of(self._root, table.day) / part.file_name
        try:
            summary = Summary(path)
            if summary.is_whole() and summary.digest == part.digest:
                return True
        except BrokenAggregate:
            pass
        except FileNotFoundError:
            if read_day_table(self._root, table.day) != table:
                raise
            result.findings.append(f"{table.day}: {part.file_name} is gone")
            return False
        result.findings.append(f"{table.day}: {part.file_name} is damaged")
        return False

    def _digest(self, file: TableFile, pings: DayPings) -> str:
        with tempfile.TemporaryDirectory(prefix="telemetry-aggregate-") as folder:
            return summarise(file.table, pings.source(file), pings, Disk(), Path(folder) / "new").digest
