"""What the coordinator hands to a conversion process, and what it gets back: plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from histogram_specs.revision import Revision
from storage.raw.submission import Submission
from storage.tables.rows import TableRows


class Verdict(StrEnum):
    """What one submission came to.  Conversion processes know no duplicates; the commit tells them."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    AWAITING = "awaiting"
    DAMAGED = "damaged"  # its bytes on disk are not what was written: not a submission at all


@dataclass(frozen=True, slots=True)
class RawItem:
    """A submission, by where it lies."""

    segment: str  # name below raw/
    offset: int
    length: int
    pending_id: int | None = None  # set where it was read before


@dataclass(frozen=True, slots=True)
class QuarantinedItem:
    """A submission that was refused before."""

    submission: Submission
    reason: str


Item = RawItem | QuarantinedItem


@dataclass(frozen=True, slots=True)
class Task:
    """Some submissions, in order of arrival."""

    items: tuple[Item, ...]
    missing: frozenset[Revision] = frozenset()  # what the revision server does not have
    given_up: Mapping[Revision, str] = field(default_factory=dict)  # awaited for too long, and why


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on one item, with all that the books need."""

    index: int
    verdict: Verdict
    day: str = ""  # YYYYMMDD of arrival
    received_at: str = ""
    document_id: bytes | None = None
    namespace: str = ""
    doctype: str = ""
    reason: str = ""  # of quarantine; "conflict" for a duplicate with other bytes
    detail: str = ""
    revision: Revision | None = None  # whose definitions are awaited
    digest: int = 0
    directory: str = ""
    histograms_kept: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    notes: Mapping[str, int] = field(default_factory=dict)
    length: int = 0  # bytes in raw/, where damaged


@dataclass(frozen=True, slots=True)
class PackedFrame:
    """Lines for one directory, compressed; `members` names the item that each line is of."""

    directory: str
    data: bytes
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What became of a task."""

    judged: tuple[Judged, ...]
    frames: tuple[PackedFrame, ...]
    rows: tuple[TableRows, ...] = ()  # of what may be stored; `items` are indices
