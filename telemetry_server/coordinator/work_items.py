"""
Values that the coordinator and the conversion processes exchange.

A `Task` goes to a process, a `TaskResult` comes back.  All of them are small and plain: they are pickled.
Results are not frozen, although nothing changes them: to make a frozen dataclass is a call for each field,
a dozen a ping in each of two processes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pickle import PickleBuffer
from typing import Any, SupportsIndex

from histogram_specs.revision import Revision
from storage.raw.submission import Submission
from storage.tables.rows import BUFFERS_PROTOCOL, TableRows
from telemetry_server.coordinator.pickling import pickled_by_values
from telemetry_server.outcomes.outcome import FrequencyLimit


@pickled_by_values
@dataclass(frozen=True, slots=True)
class RawItem:
    """A submission in raw/, given by its location."""

    segment: str  # name below raw/
    offset: int
    length: int
    pending_id: int | None = None  # set if an earlier round left it pending


@dataclass(frozen=True, slots=True)
class QuarantinedItem:
    """A submission that was quarantined before and is replayed."""

    submission: Submission
    reason: str


Item = RawItem | QuarantinedItem


@pickled_by_values
@dataclass(frozen=True, slots=True)
class Task:
    """Some submissions in order of arrival."""

    items: tuple[Item, ...]
    missing: frozenset[Revision] = frozenset()  # revisions that the revision server does not have
    given_up: Mapping[Revision, str] = field(default_factory=dict)  # revision -> why the wait for it ended
    forgotten: int = 0  # the ledger's number of forgotten ids; 0 if there are none


@dataclass(slots=True)
class _Received:
    """Fields that the result of every readable item has."""

    index: int  # of the item in its task
    received_at: str

    @property
    def day(self) -> str:
        """Day of arrival, YYYYMMDD."""
        return self.received_at[:10].replace("-", "")


@pickled_by_values
@dataclass(slots=True)
class StoredResult(_Received):
    """The item became a record.  The record itself is in one of the task's frames."""

    document_id: bytes
    namespace: str
    doctype: str
    digest: int
    directory: str  # below the data root
    histograms_kept: int
    dropped: Mapping[str, int]  # reason -> histograms
    notes: Mapping[str, int]
    frequency: FrequencyLimit | None = None
    order: tuple[str, ...] = ()  # ids that the ping asks to delete


@pickled_by_values
@dataclass(slots=True)
class RefusedResult(_Received):
    """The item goes to quarantine."""

    document_id: bytes | None
    namespace: str
    doctype: str
    reason: str
    detail: str
    notes: Mapping[str, int]
    order: tuple[str, ...] = ()


@pickled_by_values
@dataclass(slots=True)
class DuplicateResult(_Received):
    """Another ping is stored under the item's id.  Only the commit knows that."""

    document_id: bytes
    namespace: str
    doctype: str
    is_conflict: bool  # its bytes differ from those of the stored ping
    detail: str
    notes: Mapping[str, int]


@pickled_by_values
@dataclass(slots=True)
class AwaitingResult(_Received):
    """The item waits for the definitions of *revision*."""

    document_id: bytes | None
    revision: Revision


@pickled_by_values
@dataclass(slots=True)
class DeletedResult(_Received):
    """The item is of a client or document that an order deleted: only the hash of its id is kept."""

    document: bytes | None  # the id, if it is known
    hash: bytes  # of the id; empty without one


@pickled_by_values
@dataclass(slots=True)
class DamagedResult:
    """The bytes of the item in raw/ are damaged: it is not a submission at all."""

    index: int
    length: int


ItemResult = StoredResult | RefusedResult | DuplicateResult | AwaitingResult | DeletedResult | DamagedResult
"""The result of one item, with all that the ledger needs."""


@dataclass(slots=True)
class PackedFrame:
    """Compressed lines for one directory; `members` has the item's index for each line."""

    directory: str
    data: bytes | memoryview
    members: tuple[int, ...]

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[type["PackedFrame"], tuple[Any, ...]]:
        """Pickle `data` as a buffer, which need not be copied."""
        data = PickleBuffer(self.data) if int(protocol) >= BUFFERS_PROTOCOL else self.data
        return PackedFrame, (self.directory, data, self.members)


@pickled_by_values
@dataclass(slots=True)
class TaskResult:
    """The results of a task's items in order, and the lines to write for them."""

    results: tuple[ItemResult, ...]
    frames: tuple[PackedFrame, ...]
    rows: tuple[TableRows, ...] = ()
    """Rows of records that the commit may store; `items` are indices.  Empty if they would be too large."""
