"""The checks of the conversion in their order, each with the quarantine reasons that it gives."""

from typing import NamedTuple

from telemetry_server.outcomes.outcome import QuarantineReason


class Check(NamedTuple):
    """
    One check of the conversion; `explain` prints its name.

    Every reason belongs to one check, named as the one that failed wherever the reason is given:
    rows that are too large are reported by ``body``, as bodies that are too large are.
    """

    name: str
    reasons: frozenset[QuarantineReason] = frozenset()


PATH = Check("path", frozenset({QuarantineReason.INVALID_PATH, QuarantineReason.INVALID_DOCUMENT_ID}))
BODY = Check(
    "body",
    frozenset({QuarantineReason.EMPTY_BODY, QuarantineReason.CORRUPT_GZIP, QuarantineReason.TOO_LARGE}),
)
JSON = Check("JSON", frozenset({QuarantineReason.INVALID_JSON}))
FIELDS = Check(
    "version and fields", frozenset({QuarantineReason.UNKNOWN_VERSION, QuarantineReason.MISSING_FIELD})
)
PRIVACY = Check("privacy", frozenset({QuarantineReason.PRIVACY_VIOLATION}))
RULES = Check("rules", frozenset({QuarantineReason.UNWANTED}))
DOCTYPE = Check(
    "doctype and schema",
    frozenset({QuarantineReason.UNKNOWN_DOCTYPE, QuarantineReason.SCHEMA_VIOLATION}),
)
REVISION = Check(
    "revision",
    frozenset(
        {
            QuarantineReason.MISSING_REVISION,
            QuarantineReason.INVALID_REVISION,
            QuarantineReason.UNKNOWN_REVISION,
        }
    ),
)
HISTOGRAMS = Check("histograms")
PROBES = Check("other probes")

# The steps of `convert.pipeline` run in this order; a test compares the two.
CHECKS = (PATH, BODY, JSON, FIELDS, PRIVACY, RULES, DOCTYPE, REVISION, HISTOGRAMS, PROBES)
