"""Which days are over, and which of them the archive does not have as they are."""

from collections import defaultdict
from dataclasses import dataclass

from storage.data_root import DataRoot
from storage.ledger.archived_files import LocalCopies
from storage.ledger.ledger import Ledger
from storage.raw.segment_paths import segments


@dataclass(frozen=True, slots=True)
class DayState:
    """How much of a day is in the archive."""

    day: str  # YYYYMMDD
    files: int = 0
    archived: int = 0  # of these
    local: LocalCopies | None = None  # None: not archived yet
    removed: int = 0  # objects to delete in the archive

    @property
    def is_current(self) -> bool:
        """Whether the archive has the day as it is."""
        return self.files == self.archived and not self.removed


def day_states(ledger: Ledger) -> list[DayState]:
    """Return the state of each day that has records, tables or objects in the archive, in order."""
    with ledger.snapshot():
        paths = [file.path for file in ledger.files("converted") if file.length]
        paths += [file.path for file in ledger.table_files()]
        there = ledger.archived_objects()
        local = ledger.archived_days()
        removed = ledger.removed_objects()
    files: defaultdict[str, int] = defaultdict(int)
    archived: defaultdict[str, int] = defaultdict(int)
    for path in paths:
        day = path.split("/")[1 if path.startswith("converted/") else 2]
        files[day] += 1
        archived[day] += path in there
    left: defaultdict[str, int] = defaultdict(int)
    for day in removed.values():
        left[day] += 1
    return [
        DayState(day, files[day], archived[day], local.get(day), left[day])
        for day in sorted({*files, *local, *left})
    ]


def open_days(root: DataRoot, ledger: Ledger) -> set[str]:
    """Return the days (YYYYMMDD) of which raw/ has submissions that are not read yet."""
    positions = ledger.positions()
    found = set()
    for segment in segments(root.raw):
        position = positions.get(segment.name)
        if position is None or not position.finished:
            found.add(f"{segment.day:%Y%m%d}")
    return found


def days_to_archive(root: DataRoot, ledger: Ledger, today: str, *, keeps_local: bool) -> list[str]:
    """
    Return the closed days that need a run, in order.

    A day is closed when it is before *today* (YYYYMMDD, UTC) and nothing of it waits in raw/ unread.
    """
    unread = open_days(root, ledger)
    due = (LocalCopies.KEPT, LocalCopies.DROPPING, None)
    return [
        state.day
        for state in day_states(ledger)
        if state.day < today
        and state.day not in unread
        and (
            not state.is_current
            or state.local is LocalCopies.DROPPING
            or (not keeps_local and state.local in due)
        )
    ]
