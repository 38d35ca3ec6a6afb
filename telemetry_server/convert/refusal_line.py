"""Quarantine's lines: what was refused, whole, with its reason (format: StorageFormat.md)."""

import base64
from datetime import datetime
from typing import Any

import orjson

from storage.raw.submission import Submission
from telemetry_server.convert.metadata import timestamp
from telemetry_server.convert.outcome import DroppedHistogram
from telemetry_server.pings.json_text import json_of

NO_ID = "-"
CONFLICT = "conflict"


def submission_line(
    submission: Submission,
    *,
    document_id: str | None,
    namespace: str,
    doctype: str,
    reason: str,
    detail: str,
) -> bytes:
    """A refused submission, its body as received, so that `replay` can start from the same bytes."""
    fields: dict[str, Any] = {
        "document_id": document_id,
        "received_at": timestamp(submission.received_at),
        "reason": reason,
        "detail": detail,
        "namespace": namespace,
        "doctype": doctype,
        "path": submission.path,
        "query": submission.query,
        "method": submission.method,
        "protocol": submission.protocol,
        "host": submission.host,
        "headers": dict(submission.headers),
        "body_base64": base64.b64encode(submission.body).decode(),
    }
    return _line(document_id, fields)


def histogram_line(
    submission: Submission, dropped: DroppedHistogram, *, document_id: str, namespace: str, doctype: str
) -> bytes:
    """A histogram that its ping is stored without."""
    fields = {
        "document_id": document_id,
        "received_at": timestamp(submission.received_at),
        "reason": dropped.reason,
        "detail": dropped.detail,
        "namespace": namespace,
        "doctype": doctype,
        "path": submission.path,
        "histogram": dropped.name,
        "where": dropped.where,
        "body": dropped.value,
    }
    return _line(document_id, fields)


def _line(document_id: str | None, fields: dict[str, Any]) -> bytes:
    return (document_id or NO_ID).encode() + b"\t" + json_of(fields)


def read_submission_line(line: bytes) -> tuple[dict[str, Any], Submission]:
    """
    The fields of a refused submission's line, and the submission as it was.

    Raises:
        ValueError: The line is not one.
        KeyError: It is a histogram's.
    """
    fields = orjson.loads(line.partition(b"\t")[2])
    submission = Submission(
        received_at=datetime.fromisoformat(fields["received_at"]),
        path=fields["path"],
        body=base64.b64decode(fields["body_base64"]),
        query=fields["query"],
        method=fields["method"],
        protocol=fields["protocol"],
        host=fields["host"],
        headers=fields["headers"],
    )
    return fields, submission
