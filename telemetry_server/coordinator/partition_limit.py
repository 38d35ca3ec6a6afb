"""Limits the partitions of a day: clients can make up any number of builds, and each one is a folder."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from storage.ledger.ledger import Ledger
from telemetry_server.coordinator.work_items import ItemResult, StoredResult
from telemetry_server.observability.loggers import get_logger

MAX_PARTITIONS_PER_DAY = 10_000
MAX_DAYS_KNOWN = 31  # days whose partitions are held in memory
OTHER = "OTHER"
PARTITION_OVERFLOW = "partition_overflow"
"""Note of a record that is stored under OTHER because its day had too many partitions."""

log = get_logger("convert")


class PartitionLimit:
    """Moves records beyond a day's limit to the partition whose dimensions are all OTHER."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._partitions: dict[str, set[str]] = {}
        self._logged: set[str] = set()  # days whose limit was logged

    def forget(self) -> None:
        """Forget partitions that were not committed; the ledger is read again."""
        self._partitions.clear()

    def moved(self, directories: Iterable[str]) -> dict[str, str]:
        """Return a map from each of *directories* beyond its day's limit to the directory used instead."""
        moved = {}
        for directory in sorted(set(directories)):
            store, day, *rest = directory.split("/")
            if store != "converted":
                continue
            known = self._of_day(day)
            if directory in known:
                continue
            if len(known) < MAX_PARTITIONS_PER_DAY:
                known.add(directory)
                continue
            if day not in self._logged:
                self._logged.add(day)
                log.warning("partitions past the bound are filed under OTHER", day=day, bound=len(known))
            moved[directory] = "/".join((store, day, *(OTHER for _ in rest)))
        return moved

    def _of_day(self, day: str) -> set[str]:
        known = self._partitions.get(day)
        if known is None:
            while len(self._partitions) >= MAX_DAYS_KNOWN:
                self._partitions.pop(next(iter(self._partitions)))
            known = {file.directory for file in self._ledger.files(f"converted/{day}")}
            self._partitions[day] = known
        return known


def with_final_directory(result: ItemResult, moved: Mapping[str, str]) -> ItemResult:
    """Return *result* with the directory that its record really gets, and a note if that is another one."""
    if not isinstance(result, StoredResult) or result.directory not in moved:
        return result
    notes = {**result.notes, PARTITION_OVERFLOW: 1}
    return replace(result, directory=moved[result.directory], notes=notes)
