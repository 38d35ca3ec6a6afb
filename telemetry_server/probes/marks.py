"""Marks: what a value of a ping breaks of its definition.  A mark never refuses a ping."""

from enum import StrEnum
from typing import NamedTuple


class MarkName(StrEnum):
    """The names of marks; also those of ``metadata.anomalies`` and of the metric's label."""

    # The value is left out of aggregates.
    UNKNOWN_METRIC = "unknown_metric"
    WRONG_STORE = "wrong_store"
    UNKNOWN_PROCESS = "unknown_process"
    WRONG_PROCESS = "wrong_process"
    EXPIRED_METRIC = "expired_metric"
    WRONG_KIND = "wrong_kind"
    UINT_RANGE = "uint_range"
    KEYED_MISMATCH = "keyed_mismatch"
    KEY_NOT_ALLOWED = "key_not_allowed"
    # The value counts.
    KEY_CASE = "key_case"
    OVER_LIMIT = "over_limit"
    WRONG_PRODUCT = "wrong_product"
    WRONG_OS = "wrong_os"
    OPTIN_ON_RELEASE = "optin_on_release"
    EXPIRY_UNKNOWN = "expiry_unknown"
    NO_DEFINITIONS = "no_definitions"
    TOO_FREQUENT = "too_frequent"
    # Events.
    TUPLE_SHAPE = "tuple_shape"
    BAD_TIMESTAMP = "bad_timestamp"
    IDENTIFIER = "identifier"
    EXTRA_NOT_STRING = "extra_not_string"
    EXTRA_KEY_UNKNOWN = "extra_key_unknown"
    EXTRA_KEY_TOO_LONG = "extra_key_too_long"
    TOO_MANY_RECORDS = "too_many_records"
    MAYBE_TRUNCATED = "maybe_truncated"
    # The ping as a whole.
    CLIENT_ID_PRESENT = "privacy.client_id_present"
    CLIENT_ID_EMPTY = "privacy.client_id_empty"
    CLIENT_ID_MISSING = "privacy.client_id_missing"
    ENVIRONMENT_PRESENT = "privacy.environment_present"
    ENVIRONMENT_MISSING = "privacy.environment_missing"


class Kind(StrEnum):
    """What a marked value is: the name of the table that has it."""

    HISTOGRAM = "histograms"
    SCALAR = "scalars"
    EVENT = "events"


EXCLUDED = frozenset(
    {
        MarkName.UNKNOWN_METRIC,
        MarkName.WRONG_STORE,
        MarkName.UNKNOWN_PROCESS,
        MarkName.WRONG_PROCESS,
        MarkName.EXPIRED_METRIC,
        MarkName.WRONG_KIND,
        MarkName.UINT_RANGE,
        MarkName.KEYED_MISMATCH,
        MarkName.KEY_NOT_ALLOWED,
    }
)
"""The marks (M1 to M6) whose values aggregates leave out."""


class Mark(NamedTuple):
    """One thing that a value, or the ping as a whole, breaks."""

    name: MarkName
    detail: str  # one line
    metric: str | None = None  # None: the ping as a whole
    process: str | None = None  # the section of the ping
    key: str | None = None  # of a keyed metric; None: the metric as a whole
    kind: Kind | None = None  # of the metric

    def as_json(self) -> dict[str, str | None]:
        """Return the object that ``explain --json`` lists."""
        return {
            "name": self.name.value,
            "metric": self.metric,
            "process": self.process,
            "detail": self.detail,
        }
