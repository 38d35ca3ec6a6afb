"""The short summary of a ping that ``tail`` shows, for every outcome."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage.raw.submission import Submission
from telemetry_server.inspection.histogram_count import histograms_in
from telemetry_server.inspection.record_fields import application_of, text_or_none
from telemetry_server.outcomes.quarantine_line import CONFLICT
from telemetry_server.outcomes.timestamps import timestamp
from telemetry_server.pings.errors import PingError
from telemetry_server.pings.submit_path import document_id_of, parse_submit_path

UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class PingLine:
    """What `tail` shows of a ping, and its source tags."""

    summary: dict[str, Any]  # the object that ``tail --json`` prints
    source_tags: str | None  # X-Source-Tags as sent


def stored_fields(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the summary of a stored ping from its record, but for the counts of its histograms."""
    metadata = record["metadata"]
    app, version, channel = application_of(record)
    return {
        "outcome": "stored",
        "reason": None,
        "detail": None,
        "submission_timestamp": metadata["submission_timestamp"],
        "namespace": metadata["namespace"],
        "doctype": metadata["doctype"],
        "document_id": metadata["document_id"],
        "app": app,
        "version": version,
        "channel": channel,
        "debug_id": metadata.get("header", {}).get("x_debug_id"),
    }


def of_record(record: dict[str, Any]) -> PingLine:
    """Return the summary of a stored ping from its record."""
    metadata = record["metadata"]
    summary = stored_fields(record) | {
        "histograms_kept": histograms_in(record),
        "histograms_dropped": sum(metadata.get("dropped_histograms", {}).values()),
    }
    return PingLine(summary, metadata.get("header", {}).get("x_source_tags"))


def of_refusal(fields: dict[str, Any]) -> PingLine | None:
    """Return the summary of a refused ping from its quarantine line; None for dropped histograms."""
    if "histogram" in fields or "histograms" in fields:
        return None
    header = _header(fields["headers"])
    outcome = "duplicate" if fields["reason"] == CONFLICT else "quarantined"
    summary = _not_stored(outcome, fields["reason"], fields["detail"], fields["path"], header)
    summary |= {
        "submission_timestamp": fields["received_at"],
        "document_id": fields["document_id"],
        "namespace": fields["namespace"],
        "doctype": fields["doctype"],
    }
    return PingLine(summary, header.get("x_source_tags"))


def of_pending(submission: Submission, revision: str) -> PingLine:
    """Return the summary of a ping that waits for the definitions of *revision*."""
    header = _header(submission.headers)
    detail = f"waits for the definitions of {revision}"
    summary = _not_stored("pending", "waiting for definitions", detail, submission.path, header)
    return PingLine(
        summary | {"submission_timestamp": timestamp(submission.received_at)}, header.get("x_source_tags")
    )


def _not_stored(
    outcome: str, reason: str, detail: str, path: str, header: Mapping[str, str]
) -> dict[str, Any]:
    """Return the summary of a ping without a record: fields of its path, and its outcome."""
    try:
        parsed = parse_submit_path(path)
    except PingError:
        parsed = None
    return {
        "outcome": outcome,
        "reason": reason,
        "detail": detail,
        "namespace": parsed.namespace if parsed else UNKNOWN,
        "doctype": (parsed and parsed.doctype) or UNKNOWN,
        "document_id": document_id_of(path),
        "app": text_or_none(parsed and parsed.app_name),
        "version": text_or_none(parsed and parsed.app_version),
        "channel": text_or_none(parsed and parsed.channel),
        "debug_id": header.get("x_debug_id"),
        "histograms_kept": 0,
        "histograms_dropped": 0,
    }


def _header(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with names as in records."""
    return {name.lower().replace("-", "_"): value for name, value in headers.items()}
