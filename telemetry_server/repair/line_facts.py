"""The facts of a partition file's line that the ledger needs."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from hashlib import blake2b
from uuid import UUID

import orjson

from storage.partitions.quarantine_items import items_in
from storage.raw.submission import Submission
from telemetry_server.outcomes.quarantine_line import CONFLICT
from telemetry_server.outcomes.timestamps import timestamp


class Kind(IntEnum):
    """The kind of a line.  All but histograms are the outcome of one submission."""

    RECORD = 0
    REFUSED = 1
    CONFLICT = 2
    HISTOGRAM = 3


@dataclass(frozen=True, slots=True)
class LineFacts:
    """The facts about the submission of a line."""

    kind: Kind
    arrival: bytes  # see `arrival_key`
    document_id: bytes | None
    namespace: str
    doctype: str
    received_at: str
    reason: str = ""
    detail: str = ""
    histograms: int = 0  # how many a line of refused histograms holds


def arrival_key(received_at: str, path: str) -> bytes:
    """Return 16 bytes that identify a submission by arrival time (microseconds, ``Z``) and path."""
    return blake2b(f"{received_at}\0{path}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


def arrival_of(submission: Submission) -> bytes:
    """The key of a submission in raw/."""
    return arrival_key(timestamp(submission.received_at), submission.path)


def line_digest(line: bytes) -> bytes:
    """16 bytes that are equal for equal lines only."""
    return blake2b(line, digest_size=16).digest()


def read_line(store: str, line: bytes) -> LineFacts:
    """
    The facts of *line* (without its newline) of a file in *store*: ``converted`` or ``quarantine``.

    Raises:
        ValueError: Not a valid line.
    """
    try:
        fields = orjson.loads(line[line.index(b"\t") + 1 :])
        return _record(fields) if store == "converted" else _refusal(fields, items_in(line))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a line of a {store} file: {error}") from error


def _record(record: dict[str, dict[str, str]]) -> LineFacts:
    metadata = record["metadata"]
    moment = metadata["submission_timestamp"]
    datetime.fromisoformat(moment)
    return LineFacts(
        Kind.RECORD,
        arrival_key(moment, metadata["uri"]),
        UUID(metadata["document_id"]).bytes,
        metadata["namespace"],
        metadata["doctype"],
        moment,
    )


def _refusal(fields: dict[str, str], items: int) -> LineFacts:
    moment, reason = fields["received_at"], fields["reason"]
    datetime.fromisoformat(moment)
    kind = Kind.CONFLICT if reason == CONFLICT else Kind.REFUSED
    holds_histograms = "histograms" in fields or "histogram" in fields
    return LineFacts(
        Kind.HISTOGRAM if holds_histograms else kind,
        arrival_key(moment, fields["path"]),
        _id_or_none(fields["document_id"]),
        fields["namespace"],
        fields["doctype"],
        moment,
        reason,
        fields.get("detail", "") if holds_histograms else fields["detail"],
        items if holds_histograms else 0,
    )


def _id_or_none(text: str | None) -> bytes | None:
    try:
        return None if text is None else UUID(text).bytes
    except ValueError:
        return None
