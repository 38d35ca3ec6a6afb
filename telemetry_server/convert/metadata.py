"""The ``metadata`` of a record: what the server knows about a ping besides its payload."""

from collections.abc import Mapping
from typing import Any

from storage.raw.submission import Submission
from telemetry_server.outcomes.outcome import DroppedHistograms
from telemetry_server.outcomes.timestamps import timestamp
from telemetry_server.pings.left_out import LEFT_OUT

# Headers that may hold a client's address are never stored in a record.
ADDRESS_HEADERS = frozenset({"x_forwarded_for", "forwarded", "x_real_ip", "remote_addr", "x_pipeline_proxy"})


def metadata_of(
    submission: Submission,
    *,
    document_id: str,
    namespace: str,
    doctype: str,
    docversion: str,
    headers: Mapping[str, str],
    revision_source: str | None,
    revision: str | None,
    dropped: DroppedHistograms,
    anomalies: Mapping[str, int],
    left_out: Mapping[str, Any],
    self_described: Mapping[str, Any],
    fields: Mapping[str, Any],
) -> dict[str, Any]:
    """The object ``metadata``, *fields* at its end.  Optional keys are omitted when they do not apply."""
    metadata: dict[str, Any] = {
        "submission_timestamp": timestamp(submission.received_at),
        "document_id": document_id,
        "namespace": namespace,
        "doctype": doctype,
        "docversion": docversion,
        "uri": submission.path,
        "header": headers,
    }
    if revision_source is not None:
        metadata["revision_source"] = revision_source
    if revision is not None:
        metadata["revision"] = revision
    if dropped.by_reason:
        metadata["dropped_histograms"] = dropped.counts()
    if anomalies:
        metadata["anomalies"] = dict(anomalies)
    if left_out:
        metadata[LEFT_OUT] = left_out
    if self_described:
        metadata["self_described"] = self_described
    metadata.update(fields)
    return metadata


def kept_headers(submission: Submission) -> dict[str, str]:
    """The kept headers, in lower case with ``_`` for ``-``, without those that hold addresses."""
    if not submission.headers:
        return {}
    headers = {name.lower().replace("-", "_"): value for name, value in submission.headers.items()}
    return {name: value for name, value in headers.items() if name not in ADDRESS_HEADERS}
