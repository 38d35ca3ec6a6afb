"""The outcomes of a submission and the reasons for quarantine: both lists are closed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from histogram_specs.revision import Revision
from storage.raw.submission import Submission


class QuarantineReason(StrEnum):
    """Why a submission was not stored; also the metric's ``reason`` label."""

    INVALID_PATH = "invalid_path"
    INVALID_DOCUMENT_ID = "invalid_document_id"
    EMPTY_BODY = "empty_body"
    CORRUPT_GZIP = "corrupt_gzip"
    TOO_LARGE = "too_large"
    INVALID_JSON = "invalid_json"
    UNKNOWN_VERSION = "unknown_version"
    MISSING_FIELD = "missing_field"
    MISSING_REVISION = "missing_revision"
    INVALID_REVISION = "invalid_revision"
    UNKNOWN_REVISION = "unknown_revision"
    UNKNOWN_DOCTYPE = "unknown_doctype"
    SCHEMA_VIOLATION = "schema_violation"
    UNWANTED = "unwanted"
    PRIVACY_VIOLATION = "privacy_violation"


class HistogramReason(StrEnum):
    """Why one histogram was dropped while its ping was kept, in the order of checking."""

    # Python code in `StrEnum`: too slow for each dropped histogram.
    __hash__ = str.__hash__

    MALFORMED = "malformed"
    UNKNOWN_HISTOGRAM = "unknown_histogram"
    UNUSABLE_SPEC = "unusable_spec"
    TYPE_MISMATCH = "type_mismatch"
    BUCKET_COUNT_MISMATCH = "bucket_count_mismatch"
    RANGE_MISMATCH = "range_mismatch"
    INVALID_BUCKET = "invalid_bucket"
    INVALID_COUNT = "invalid_count"


class DroppedHistogram(NamedTuple):
    """A histogram that was removed from a stored ping."""

    name: str  # as sent, STARTUP_ included
    reason: HistogramReason
    detail: str  # one line: what was sent, what the spec says
    where: str  # path in the payload: "payload.processes.content.histograms.GC_MS"
    value: Any  # as decoded


class DroppedHistograms:
    """
    The histograms that were removed from a stored ping, by reason, in order of the first of each.

    Those that conversion did not decode are text, which is what a line of quarantine holds of them.
    """

    __slots__ = ("by_reason",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self.by_reason: dict[HistogramReason, list[DroppedHistogram | bytes]] = {}

    def add(self, reason: HistogramReason, histogram: DroppedHistogram | bytes) -> None:
        """Add a histogram, or the text that quarantine holds of it."""
        histograms = self.by_reason.get(reason)
        if histograms is None:
            self.by_reason[reason] = [histogram]
        else:
            histograms.append(histogram)

    def counts(self) -> dict[str, int]:
        """Return how many each reason has."""
        return {reason.value: len(histograms) for reason, histograms in self.by_reason.items()}

    def __len__(self) -> int:
        return sum(map(len, self.by_reason.values()))

    def __iter__(self) -> Iterator[DroppedHistogram]:
        for reason, histograms in self.by_reason.items():
            for histogram in histograms:
                if isinstance(histogram, bytes):
                    fields = orjson.loads(histogram)
                    yield DroppedHistogram(
                        fields["histogram"], reason, fields["detail"], fields["where"], fields["body"]
                    )
                else:
                    yield histogram

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DroppedHistograms) and list(self) == list(other)

    def __repr__(self) -> str:
        return repr(list(self))


@dataclass(frozen=True, slots=True)
class FrequencyLimit:
    """How often the pings of a client should come."""

    client: bytes  # a digest of the client id
    min_interval_seconds: int


@dataclass(slots=True)
class Stored:
    """A ping that became a record; not frozen, since that doubles the time to make one."""

    document_id: str  # as sent; compared without regard to case
    namespace: str
    doctype: str
    dimensions: tuple[str, ...]  # one per dimension of the schema, as folder names
    record: bytes  # the JSON of the record: one line, no newline
    histograms_kept: int
    digest: int  # of the inflated body: distinguishes a retry from other bytes under the same id
    dropped: DroppedHistograms = field(default_factory=DroppedHistograms)
    notes: Mapping[str, int] = field(default_factory=dict)  # harmless oddities, counted by name
    # The record before it was text, where it reads the same: readers need not parse it again.
    opened: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    submission: Submission | None = None  # of an anonymous ping: as it may be written outside of raw/
    frequency: FrequencyLimit | None = None
    order: tuple[str, ...] = ()  # ids that the ping asks to delete


@dataclass(frozen=True, slots=True)
class Refused:
    """A submission that goes to quarantine as a whole."""

    reason: QuarantineReason
    detail: str  # one line: what is wrong and where in the JSON; never a client's address
    document_id: str | None = None  # if the path has one
    namespace: str = "UNKNOWN"
    doctype: str = "UNKNOWN"
    notes: Mapping[str, int] = field(default_factory=dict)
    submission: Submission | None = None  # of an anonymous ping: as it may be written outside of raw/


@dataclass(frozen=True, slots=True)
class AwaitingSpecs:
    """A ping that can only be converted when the definitions of its revision have arrived."""

    revision: Revision
    document_id: str


Outcome = Stored | Refused | AwaitingSpecs
