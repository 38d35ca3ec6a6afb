"""The lines of quarantine: refused submissions and histograms with reasons (format: StorageFormat.md)."""

import base64
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson

from storage.raw.submission import Submission
from telemetry_server.outcomes.outcome import DroppedHistogram, HistogramReason
from telemetry_server.outcomes.timestamps import timestamp
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
    """The line of a refused submission, with its body as received, for `replay`."""
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
    }
    if submission.place:
        fields["place"] = submission.place
    if submission.fault:
        fields["fault"] = submission.fault
    fields["body_base64"] = base64.b64encode(submission.body).decode()
    return _line(document_id, fields)


def histograms_line(
    submission: Submission,
    reason: HistogramReason,
    dropped: Sequence[DroppedHistogram | bytes],
    *,
    document_id: str,
    namespace: str,
    doctype: str,
) -> bytes:
    """
    The line of the histograms of one ping that were dropped for one reason.

    `storage.partitions.quarantine_items.items_in` reads the count, so it comes first.
    """
    fields: dict[str, Any] = {
        "count": len(dropped),
        "document_id": document_id,
        "received_at": timestamp(submission.received_at),
        "reason": reason,
        "namespace": namespace,
        "doctype": doctype,
        "path": submission.path,
    }
    # The fields are an object, whose end is left for the histograms.
    histograms = b",".join(map(_histogram, dropped))
    return b'%b,"histograms":[%b]}' % (_line(document_id, fields)[:-1], histograms)


def _histogram(dropped: DroppedHistogram | bytes) -> bytes:
    """Return an object of ``histograms``; the compiled walk writes it itself (``quarantined`` in _text.c)."""
    if isinstance(dropped, bytes):
        return dropped
    name, _, detail, where, sent = dropped
    return json_of({"histogram": name, "where": where, "detail": detail, "body": sent})


def one_by_one(fields: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """
    One object for each submission or histogram in the fields of a quarantine line.

    Lines of earlier versions hold one histogram each and are yielded unchanged.
    """
    histograms = fields.get("histograms")
    if histograms is None:
        yield fields
        return
    shared = {name: value for name, value in fields.items() if name not in ("count", "histograms", "reason")}
    for histogram in histograms:
        # Reason and detail stand together, as in the lines of refused submissions.
        ordered = {"reason": fields["reason"], "detail": histogram["detail"]}
        yield shared | ordered | {name: histogram[name] for name in histogram if name != "detail"}


def _line(document_id: str | None, fields: dict[str, Any]) -> bytes:
    return (document_id or NO_ID).encode() + b"\t" + json_of(fields)


def read_submission_line(line: bytes) -> tuple[dict[str, Any], Submission]:
    """
    The fields of a refused submission's line, and the submission as received.

    Raises:
        ValueError: The line is damaged.
        KeyError: The line is that of a histogram.
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
        place=fields.get("place", ""),
        fault=fields.get("fault", ""),
    )
    return fields, submission
