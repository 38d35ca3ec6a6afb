"""One run of the archive: the closed days that need it, or the days that were asked for."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec

from storage.data_root import DataRoot
from storage.disk import Disk
from storage.ledger.archived_files import LocalCopies
from storage.ledger.ledger import Ledger
from storage.ledger.opening import open_ledger
from storage.lock import FileLock
from storage.partitions.compact import compact_day
from storage.tables.merging import compact_tables
from telemetry_server.archive.archiver import Archived, Archiver
from telemetry_server.archive.closed_days import days_to_archive
from telemetry_server.archive.day_files import DamagedFile, NotClosed
from telemetry_server.archive.local_copies import LocalFiles
from telemetry_server.archive.turn import Turn

LOCK_NAME = "archive.lock"


class ArchiveBusy(Exception):
    """Another process works on the archive of this data root.  One line."""


@dataclass(frozen=True, slots=True)
class ArchivePlan:
    """Where closed days go, and whether local copies stay."""

    url: str
    keeps_local: bool
    with_tables: bool


@dataclass(frozen=True, slots=True)
class DayResult:
    """What a run did with a day."""

    day: str
    files: int = 0  # copied
    bytes: int = 0
    dropped: int = 0  # local copies
    problem: str = ""  # why it was left as it is; one line
    will_close: bool = False  # it was left because more will come into it


@contextmanager
def archive_lock(root: DataRoot) -> Iterator[None]:
    """
    Hold the lock of the archive.

    Raises:
        ArchiveBusy: Another process holds it.
    """
    lock = FileLock(root.state / LOCK_NAME)
    if not lock.acquire(wait=False):
        raise ArchiveBusy("another process works on the archive of this data root; try again later")
    try:
        yield
    finally:
        lock.release()


def due_days(root: DataRoot, plan: ArchivePlan, clock: Callable[[], datetime]) -> list[str]:
    """Return the closed days that need a run."""
    with Ledger.for_reading(root) as ledger:
        return days_to_archive(root, ledger, f"{clock():%Y%m%d}", keeps_local=plan.keeps_local)


def archive_days(
    root: DataRoot,
    disk: Disk,
    plan: ArchivePlan,
    days: Sequence[str] | None = None,
    *,
    on_bytes: Callable[[int], None] = lambda _: None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[DayResult]:
    """
    Archive the closed days that need it, and yield what was done with each.

    Args:
        days: Only these.  Their objects are compared with their checksums, and damaged ones replaced from
            local copies; the local copies of a day that was restored are dropped again.

    Raises:
        ArchiveBusy: Another process works on the archive.
        ArchiveError: The archive refuses; the days before are done.
        OSError, StorageError: The disk refuses.
    """
    with archive_lock(root), open_ledger(root, disk) as ledger:
        archiver = Archiver(root, ledger, disk, plan.url, with_tables=plan.with_tables, on_bytes=on_bytes)
        local = LocalFiles(root, ledger, disk)
        local.remove_unfinished()
        archiver.join()
        for day in due_days(root, plan, clock) if days is None else days:
            try:
                _merge(root, ledger, disk, day)
                mended = 0 if days is None else archiver.mend(day)
                done = archiver.archive_day(day)
                dropped = 0
                if not plan.keeps_local and (days or is_to_drop(ledger, day)):
                    dropped = local.drop(day, is_checked=_is_checked(ledger, day, done))
            except (NotClosed, DamagedFile, EOFError) as error:
                yield DayResult(day, problem=str(error), will_close=isinstance(error, NotClosed))
                continue
            yield DayResult(day, done.files + mended, done.bytes, dropped)


def is_to_drop(ledger: Ledger, day: str) -> bool:
    """Return whether the local copies of *day* are to go: not if they were restored."""
    return ledger.archived_days().get(day) not in (None, LocalCopies.RESTORED)


def _is_checked(ledger: Ledger, day: str, done: Archived) -> bool:
    """Return whether this run has compared all objects of *day*."""
    return done.files == len(ledger.archived_objects(day))


def _merge(root: DataRoot, ledger: Ledger, disk: Disk, day: str) -> None:
    """Merge the small files of *day* that are not in the archive: few large objects are cheaper."""
    turn = Turn(root, ledger)
    done: set[str] = set()
    while True:
        # One folder in each turn, so that conversion goes on in between.
        with turn.held():
            merged = next(compact_day(root.path, ledger, disk, day), None)
        if merged is None or merged.directory in done:
            break
        done.add(merged.directory)
    if find_spec("pyarrow") is not None:
        for _ in compact_tables(root, ledger, disk, day, turn.held):
            pass
