"""What goes into the ledger and what comes out of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Entry(StrEnum):
    """One kind of line in the books."""

    RECEIVED = "received"
    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"  # counted beside `DUPLICATE`, never instead
    QUARANTINED = "quarantined"
    DELETED = "deleted"
    HISTOGRAM_KEPT = "histogram_kept"
    HISTOGRAM_DROPPED = "histogram_dropped"  # the value is in quarantine
    HISTOGRAM_DELETED = "histogram_deleted"  # the value was, and is removed
    DAMAGED_RECORDS = "damaged_records"
    DAMAGED_BYTES = "damaged_bytes"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class SegmentPosition:
    """How far a segment was read, and how many submissions that were."""

    position: int
    records: int
    finished: bool
    last_sequence: int | None = field(default=None, compare=False)
    """Sequence of the last submission before `position`, where this process read it; not in the ledger."""


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
        return f"{self.directory}/{self.name}"


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
class Life:
    """One thing that became of an id."""

    outcome: str
    reason: str = ""
    detail: str = ""
    received_at: str = ""
    directory: str = ""
    namespace: str = ""
    doctype: str = ""
    segment: str = ""  # where a pending one lies in raw/
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
        """received = stored + duplicate + quarantined + pending + deleted"""
        ends = self.stored + self.duplicate + self.quarantined + self.pending + self.deleted
        return self.received == ends
