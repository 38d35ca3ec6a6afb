"""Values that the ledger stores and returns."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Entry(StrEnum):
    """One kind of line in the books."""

    RECEIVED = "received"
    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"  # counted in addition to `DUPLICATE`
    QUARANTINED = "quarantined"
    DELETED = "deleted"
    HISTOGRAM_KEPT = "histogram_kept"
    HISTOGRAM_DROPPED = "histogram_dropped"  # the value is in quarantine
    HISTOGRAM_DELETED = "histogram_deleted"  # the value was removed from quarantine
    DAMAGED_RECORDS = "damaged_records"
    DAMAGED_BYTES = "damaged_bytes"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class SegmentPosition:
    """How far a segment was read, and how many submissions it had up to there."""

    position: int
    records: int
    finished: bool
    last_sequence: int | None = field(default=None, compare=False)
    """Sequence of the last submission before `position`, if this process read it; not in the ledger."""


SEGMENT_START = SegmentPosition(0, 0, finished=False)
"""Position of an unread segment."""
SWEPT = SegmentPosition(0, 0, finished=True)
"""Position of a segment that exists again after it was converted and removed."""

_SERIES = re.compile(r"([0-9]+-[0-9a-f]+)-([0-9]{10})\.tlg\Z")


def series_of(name: str) -> tuple[str, int] | None:
    """Return a segment's writer and number from its name (``<day>/<worker>-<boot id>-<number>.tlg``)."""
    found = _SERIES.match(name.rpartition("/")[2])
    return None if found is None else (found[1], int(found[2]))


class Positions(Mapping[str, SegmentPosition]):
    """
    How far each segment was read, by name.

    A removed segment that exists again counts as `SWEPT`: its submissions are already converted.
    """

    def __init__(
        self,
        known: Mapping[str, SegmentPosition],
        swept: Mapping[str, Sequence[tuple[int, int]]] | None = None,
    ) -> None:
        self._known = known
        self._swept = swept or {}  # series: ranges of numbers, both ends included

    def __getitem__(self, name: str) -> SegmentPosition:
        found = self._known.get(name)
        if found is not None:
            return found
        series = series_of(name) if self._swept else None
        if series is not None:
            ranges = self._swept.get(series[0], ())
            if any(first <= series[1] <= last for first, last in ranges):
                return SWEPT
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def moved(self, news: Mapping[str, SegmentPosition]) -> "Positions":
        """Return the positions after the changes in *news*."""
        return Positions({**self._known, **news}, self._swept)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of frames: only its first *length* bytes count."""

    directory: str  # below the data root: "converted/20261122/main/Firefox/…"
    name: str
    length: int
    records: int
    frames: int
    closed: bool = False
    schema_id: int = 0

    @property
    def path(self) -> str:
        """Path of the file below the data root."""
        return f"{self.directory}/{self.name}"


UNJUDGED = ""
"""Used instead of a revision: the submission waits only for its conversion, not for definitions."""
UNKNOWN_DIGEST = 0
"""Digest of a stored ping whose content is unknown: its repeats never count as conflicts."""


@dataclass(frozen=True, slots=True)
class PendingPing:
    """A submission that waits for the definitions of its revision."""

    pending_id: int
    segment: str
    offset: int
    length: int
    day: str
    revision: str
    document_id: bytes | None


@dataclass(frozen=True, slots=True)
class IdOutcome:
    """One outcome of a document id."""

    outcome: str
    reason: str = ""
    detail: str = ""
    received_at: str = ""
    directory: str = ""
    namespace: str = ""
    doctype: str = ""
    segment: str = ""  # in raw/, of a pending one
    offset: int = 0
    length: int = 0


Counts = Counter[tuple[str, Entry, str]]
"""Counts by day, entry and reason."""


@dataclass(frozen=True, slots=True)
class DayBooks:
    """The books of a day, or of all days."""

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    conflict: int = 0
    quarantined: int = 0
    pending: int = 0
    deleted: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def balanced(self) -> bool:
        """Whether received = stored + duplicate + quarantined + pending + deleted."""
        ends = self.stored + self.duplicate + self.quarantined + self.pending + self.deleted
        return self.received == ends
