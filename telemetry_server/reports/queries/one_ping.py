"""What happened to one ping, and its body."""

from typing import Any
from uuid import UUID

import orjson

from storage.errors import DamagedRecord, TornRecord
from storage.ledger.ledger import Ledger
from storage.ledger.values import SEGMENT_START
from storage.partitions.reader import Filter, read_directory, read_records
from telemetry_server.coordinator.conversion_worker import read_item
from telemetry_server.coordinator.work_items import RawItem
from telemetry_server.inspection.explain import explain
from telemetry_server.inspection.submission_listing import (
    shown_body,
    shown_refusal,
    submissions_from,
)
from telemetry_server.pings.submit_path import document_id_of
from telemetry_server.reports.queries.errors import NothingFound
from telemetry_server.reports.queries.source import Source

# What a viewer sees of a record's metadata: nothing that the client's headers or the payload say.
OPEN_METADATA = (
    "submission_timestamp",
    "document_id",
    "namespace",
    "doctype",
    "docversion",
    "revision_source",
    "dropped_histograms",
    "anomalies",
)


def ping_answer(source: Source, arguments: dict[str, Any]) -> dict[str, Any]:
    """
    Return the answer of ``/api/v1/pings/<docid>``, with ``body`` if the arguments ask for it.

    Raises:
        NothingFound: No submission has this id.
    """
    document_id = UUID(arguments["document_id"])
    with source.ledger() as ledger:
        setup = source.setup.conversion
        found = explain(source.root, ledger, setup.resolver(), document_id, setup.probe_checks())
        if found is None:
            raise NothingFound(
                f"No ping has this id: never received here, deleted, or expired: {document_id}"
            )
        answer = found.as_json()
        if arguments["with_body"]:
            answer |= _body(source, ledger, answer) or {"body": None}
    if not arguments["with_records"]:
        answer["metadata"] = {
            name: value for name, value in answer["metadata"].items() if name in OPEN_METADATA
        }
        answer["self_described"] = {}
        for dropped in answer["dropped_histograms"]:
            dropped["where"] = None
    return answer


def _body(source: Source, ledger: Ledger, found: dict[str, Any]) -> dict[str, Any] | None:
    """Return ``body`` or ``body_base64``; None where its bytes are gone."""
    outcome, document_id = found["outcome"], found["document_id"]
    if outcome == "stored" and found["where"]:
        wanted = document_id.encode()
        for line in read_directory(source.root.path, ledger, found["where"]):
            if line[:36] == wanted:
                return {"body": orjson.loads(line[37:])}
    elif outcome == "quarantined":
        _, day, reason = found["where"].split("/")
        wanted = document_id.lower().encode()
        where = Filter(day, (("reason", reason),))
        for line in read_records(source.root.path, ledger, where, "quarantine"):
            if line[:36].lower() == wanted:
                shown = shown_refusal(orjson.loads(line.partition(b"\t")[2]))
                return {name: shown[name] for name in ("body", "body_base64") if name in shown}
    elif outcome == "pending":
        return _pending_body(source, ledger, document_id.lower())
    return None


def _pending_body(source: Source, ledger: Ledger, document_id: str) -> dict[str, Any] | None:
    setup = source.setup.conversion
    for known in ledger.outcomes_of(UUID(document_id).bytes):
        if known.segment:
            try:
                item = RawItem(known.segment, known.offset, known.length)
                return shown_body(setup.writable(read_item(source.root.raw, item)).body)
            except (DamagedRecord, TornRecord, FileNotFoundError):
                return None
    positions = ledger.positions()
    for segment in {each.segment for each in source.unread.all(ledger)}:
        start = positions.get(segment.name, SEGMENT_START).position
        for submission in submissions_from(segment.path, start):
            if (document_id_of(submission.path) or "").lower() == document_id:
                return shown_body(setup.writable(submission).body)
    return None
