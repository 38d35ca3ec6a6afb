"""How many partitions a day may have: builds are a client's to make up, and each is a folder."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import structlog

from storage.ledger.ledger import Ledger
from telemetry_server.coordinator.work_items import Judged, Verdict

MAX_PARTITIONS_PER_DAY = 10_000
MAX_DAYS_KNOWN = 31  # whose partitions are held in memory
OTHER = "OTHER"
PARTITION_OVERFLOW = "partition_overflow"
"""The note of a record that stands under OTHER because its day had too many partitions already."""

log = structlog.get_logger("convert")


class PartitionLimit:
    """Sends records past a day's bound to the one partition whose every value is OTHER."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._partitions: dict[str, set[str]] = {}
        self._told: set[str] = set()  # days of which it was said

    def forget(self) -> None:
        """Start from what is committed."""
        self._partitions.clear()

    def moved(self, directories: Iterable[str]) -> dict[str, str]:
        """Those of *directories* that are past their day's bound, each with the one that it becomes."""
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
            if day not in self._told:
                self._told.add(day)
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


def as_filed(verdict: Judged, moved: Mapping[str, str]) -> Judged:
    """The verdict on a record with the directory that it really gets; one that is not its own is noted."""
    target = moved.get(verdict.directory)
    if target is None or verdict.verdict is not Verdict.STORED:
        return verdict
    return replace(verdict, directory=target, notes={**verdict.notes, PARTITION_OVERFLOW: 1})
