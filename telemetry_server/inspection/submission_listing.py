"""Reads the submissions in raw/, and shows them as objects."""

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from storage.errors import DamagedRecord, TornRecord
from storage.raw.reader import read_submission, scan_segment, segments
from storage.raw.submission import Submission
from telemetry_server.outcomes.timestamps import timestamp
from telemetry_server.pings.errors import PingError
from telemetry_server.pings.inflate import inflate
from telemetry_server.pings.json_text import parse_object
from telemetry_server.pings.submit_path import document_id_of

SCAN_BYTES = 16 << 20
SCAN_RECORDS = 4096


def raw_submissions(raw: Path, *, day: str | None = None) -> Iterator[Submission]:
    """
    Yield every intact submission in raw/, in the order of segments; *day* is YYYYMMDD of arrival.

    Raises:
        OSError: A segment cannot be read.
    """
    for segment in segments(raw):
        if day is not None and f"{segment.day:%Y%m%d}" != day:
            continue
        yield from submissions_from(segment.path, 0)


def submissions_from(segment: Path, start: int) -> Iterator[Submission]:
    """Yield the intact submissions of one segment from *start* on; damaged ones are skipped."""
    descriptor = os.open(segment, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    last_sequence = None
    try:
        while True:
            scan = scan_segment(
                segment, start, max_bytes=SCAN_BYTES, max_records=SCAN_RECORDS, last_sequence=last_sequence
            )
            for span in scan.spans:
                try:
                    yield read_submission(descriptor, span)
                except (DamagedRecord, TornRecord):
                    continue
            if scan.finished or scan.end == start:
                return
            start, last_sequence = scan.end, scan.last_sequence
    finally:
        os.close(descriptor)


def shown_body(body: bytes) -> dict[str, Any]:
    """Return ``body`` (inflated) if it is a JSON object, else ``body_base64`` (as received)."""
    try:
        return {"body": parse_object(inflate(body).data).value}
    except PingError:
        return {"body_base64": base64.b64encode(body).decode()}


def shown_submission(submission: Submission) -> dict[str, Any]:
    """Return a submission as ``cat raw`` prints it, with the client's address if it was kept."""
    address = submission.client_address
    return {
        "document_id": document_id_of(submission.path),
        "received_at": timestamp(submission.received_at),
        "path": submission.path,
        "query": submission.query,
        "method": submission.method,
        "protocol": submission.protocol,
        "host": submission.host,
        "headers": dict(submission.headers),
        **({} if address is None else {"client_address": address}),
        "reason": None,
        "detail": None,
        "histogram": None,
        **shown_body(submission.body),
    }


def shown_refusal(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a quarantine line as ``cat quarantine`` prints it; a body is decoded if possible."""
    shown = {"histogram": None, **fields}
    if "body_base64" in shown:
        shown |= shown_body(base64.b64decode(shown.pop("body_base64")))
    return shown
