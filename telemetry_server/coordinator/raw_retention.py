"""Removes raw segments that were converted, if the books of their day agree with the files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.integrity.audit import disagreements_of_day
from storage.ledger.ledger import Ledger
from storage.ledger.values import SegmentPosition
from storage.raw.reader import segments
from storage.raw.segment_paths import SegmentPath
from telemetry_server.observability.loggers import get_logger

log = get_logger("convert")


@dataclass(slots=True)
class SegmentRemoval:
    """How many segments were removed, and why others stay, one line a day."""

    removed: int = 0
    findings: list[str] = field(default_factory=list)


def finished_segments(root: DataRoot, ledger: Ledger) -> Iterator[tuple[SegmentPath, SegmentPosition]]:
    """Yield the segments that are wholly converted and hold no pending ping."""
    positions, awaited = ledger.positions(), ledger.pending_segments()
    for segment in list(segments(root.raw)):
        position = positions.get(segment.name)
        if position is not None and position.finished and segment.name not in awaited:
            yield segment, position


def remove_segments(
    root: DataRoot, ledger: Ledger, disk: Disk, expired: Iterable[SegmentPath]
) -> SegmentRemoval:
    """
    Remove *expired* segments, if a recount of their day agrees with the ledger.

    The caller holds the converter's lock.

    Raises:
        OSError, StorageError: The disk refuses; what was removed before stays removed.
    """
    result = SegmentRemoval()
    agreeing: dict[str, bool] = {}
    for segment in expired:
        day = f"{segment.day:%Y%m%d}"
        if day not in agreeing:
            found = disagreements_of_day(root, ledger, day)
            agreeing[day] = not found
            if found:
                result.findings.append(f"raw segments of {day} stay: {found[0]}")
                log.error("raw segments kept past retention", day=day, finding=found[0])
        if agreeing[day]:
            disk.unlink(segment.path)
            disk.sync_directory(segment.path.parent)
            with ledger.transaction() as transaction:
                transaction.forget_segment(segment.name)
            result.removed += 1
    return result
