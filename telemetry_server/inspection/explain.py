"""The life of a ping: what ``explain`` tells."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from histogram_specs.errors import BadRevisionUrl
from histogram_specs.history.resolver import Resolved, Resolver
from histogram_specs.revision import parse_revision_url
from storage.data_root import DataRoot
from storage.ledger.ledger import Ledger
from storage.ledger.values import SEGMENT_START, UNJUDGED, Life
from storage.partitions.reader import Filter, read_directory, read_records
from storage.raw.reader import segments
from telemetry_server.coordinator.work_items import RawItem
from telemetry_server.coordinator.worker import read_item
from telemetry_server.inspection.histogram_count import histograms_kept
from telemetry_server.inspection.submission_listing import document_id_of, submissions_from
from telemetry_server.outcomes.outcome import QuarantineReason
from telemetry_server.outcomes.quarantine_line import one_by_one
from telemetry_server.outcomes.timestamps import timestamp
from telemetry_server.pings.doctype_check import UNREGISTERED_VERSION

DOCTYPE_CHECK = "doctype and schema"

# What conversion checks, in its order, and the reasons that each check can end with.
CHECKS: tuple[tuple[str, frozenset[str]], ...] = (
    ("path", frozenset({QuarantineReason.INVALID_PATH, QuarantineReason.INVALID_DOCUMENT_ID})),
    (
        "body",
        frozenset({QuarantineReason.EMPTY_BODY, QuarantineReason.CORRUPT_GZIP, QuarantineReason.TOO_LARGE}),
    ),
    ("JSON", frozenset({QuarantineReason.INVALID_JSON})),
    ("version and fields", frozenset({QuarantineReason.UNKNOWN_VERSION, QuarantineReason.MISSING_FIELD})),
    (
        DOCTYPE_CHECK,
        frozenset({QuarantineReason.UNKNOWN_DOCTYPE, QuarantineReason.SCHEMA_VIOLATION}),
    ),
    ("rules", frozenset({QuarantineReason.UNWANTED})),
    (
        "revision",
        frozenset(
            {
                QuarantineReason.MISSING_REVISION,
                QuarantineReason.INVALID_REVISION,
                QuarantineReason.UNKNOWN_REVISION,
            }
        ),
    ),
    ("histograms", frozenset()),
)
REMOVED = "its bytes in quarantine were removed after quarantine_retention_days"
FIRST = ("stored", "pending", "quarantined", "duplicate", "deleted")


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known of an id."""

    document_id: str
    outcome: str
    reason: str | None = None
    detail: str | None = None
    received_at: str | None = None
    namespace: str | None = None
    doctype: str | None = None
    where: str | None = None  # below the data root
    checked: list[dict[str, Any]] = field(default_factory=list)
    revision: str | None = None
    revision_source: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    kept_histograms: int | None = None  # of a stored ping; those that came compact count as neither
    self_described: dict[str, Any] = field(default_factory=dict)  # as the record's metadata has it
    dropped_histograms: list[dict[str, Any]] = field(default_factory=list)
    others: list[dict[str, Any]] = field(default_factory=list)  # what else came under this id

    def as_json(self) -> dict[str, Any]:
        """The object that ``explain --json`` prints."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def explain(root: DataRoot, ledger: Ledger, resolver: Resolver, document_id: UUID) -> Explanation | None:
    """
    Tell what became of *document_id*; None if nothing ever came under it, as far as is remembered.

    Where several things came under one id, the stored one is told, then the
    pending, the quarantined; the rest stands in `others`.
    """
    lives = sorted(ledger.lives(document_id.bytes), key=lambda life: FIRST.index(life.outcome))
    lives += [
        Life("pending", "not read yet", received_at=moment) for moment in _unread(root, ledger, document_id)
    ]
    if not lives:
        return None
    first, *rest = lives
    others = [
        {
            "outcome": life.outcome,
            "reason": life.reason or None,
            "detail": life.detail or None,
            "received_at": life.received_at or None,
            "namespace": life.namespace or None,
            "doctype": life.doctype or None,
            "where": life.directory or None,
        }
        for life in rest
    ]
    told = _tell(root, ledger, resolver, str(document_id), first)
    return Explanation(**told, others=others)


def _tell(root: DataRoot, ledger: Ledger, resolver: Resolver, document_id: str, life: Life) -> dict[str, Any]:
    detail = life.detail or (REMOVED if life.outcome == "deleted" else None)
    told: dict[str, Any] = {
        "checked": _checked(life),
        "document_id": document_id,
        "outcome": life.outcome,
        "reason": life.reason or None,
        "detail": detail,
        "received_at": life.received_at or None,
    }
    if life.outcome == "stored":
        record = _record(root, ledger, life, document_id)
        if record is not None:
            told |= _tell_record(root, ledger, resolver, life, record)
    elif life.outcome == "quarantined":
        told["where"] = f"quarantine/{life.received_at[:10].replace('-', '')}/{life.reason}"
    elif life.segment:
        told["reason"] = "waiting for definitions"
        told["detail"] = f"the definitions of {life.detail} are not here yet; it is tried again by itself"
        if life.detail == UNJUDGED:
            told["reason"], told["detail"] = "not judged yet", "the next conversion judges it"
        else:
            told["revision"] = life.detail
        told["where"] = f"raw/{life.segment}"
        item = RawItem(life.segment, life.offset, life.length)
        told["received_at"] = timestamp(read_item(root.raw, item).received_at)
    return told


def _checked(life: Life) -> list[dict[str, Any]]:
    """Which checks it passed, and the one that ended it; nothing for what was not read yet."""
    if life.outcome == "pending":
        return [{"check": check, "passed": True} for check, _ in CHECKS[:6]] if life.segment else []
    checked = []
    is_refused = life.outcome in ("quarantined", "deleted")
    for check, reasons in CHECKS:
        passed = not (is_refused and life.reason in reasons)
        checked.append({"check": check, "passed": passed})
        if not passed:
            break
    return checked


def _record(
    root: DataRoot, ledger: Ledger, life: Life, document_id: str
) -> tuple[str, dict[str, Any]] | None:
    """The stored record, and its id as it was sent.  A full day's folder of others may have to be passed."""
    wanted = document_id.encode()
    for line in read_directory(root.path, ledger, life.directory):
        if line[:36].lower() == wanted:
            record = orjson.loads(line[37:])
            metadata = record["metadata"]
            if (metadata["namespace"], metadata["doctype"]) == (life.namespace, life.doctype):
                return line[:36].decode(), record
    return None


def _tell_record(
    root: DataRoot, ledger: Ledger, resolver: Resolver, life: Life, found: tuple[str, dict[str, Any]]
) -> dict[str, Any]:
    document_id, record = found
    metadata = record["metadata"]
    if UNREGISTERED_VERSION in metadata.get("anomalies", {}):
        # No schema was asked: the check did not take place.
        checked = [check for check in _checked(life) if check["check"] != DOCTYPE_CHECK]
    else:
        checked = _checked(life)
    # That of the definitions, where they are not of the ping's own.
    url = metadata.get("revision") or _revision_url(record)
    counts = metadata.get("dropped_histograms", {})
    dropped = list(_dropped(root, ledger, life, document_id, counts))
    _name_spec_lines(resolver, url, dropped)
    removed = sum(counts.values()) - len(dropped)
    return {
        "checked": checked,
        "detail": f"{removed} dropped values were removed after quarantine_retention_days"
        if removed > 0
        else None,
        "document_id": document_id,
        "received_at": metadata["submission_timestamp"],
        "namespace": life.namespace,
        "doctype": life.doctype,
        "where": life.directory,
        "revision": url,
        "revision_source": metadata.get("revision_source") or ("ping" if url else None),
        "metadata": metadata,
        "kept_histograms": histograms_kept(record),
        "self_described": metadata.get("self_described", {}),
        "dropped_histograms": dropped,
    }


def _dropped(
    root: DataRoot, ledger: Ledger, life: Life, document_id: str, counts: dict[str, int]
) -> Iterator[dict[str, Any]]:
    day = life.directory.split("/")[1]
    wanted = document_id.encode() + b"\t"
    for reason in counts:
        for line in read_records(root.path, ledger, Filter(day, (("reason", reason),)), "quarantine"):
            if line.startswith(wanted):
                for fields in one_by_one(orjson.loads(line[37:])):
                    yield {
                        "name": fields["histogram"],
                        "reason": fields["reason"],
                        "detail": fields["detail"],
                        "where": fields["where"],
                    }


def _revision_url(record: dict[str, Any]) -> str | None:
    for place in (record.get("info"), (record.get("payload") or {})):
        info = place.get("info", place) if isinstance(place, dict) else {}
        url = info.get("revision") if isinstance(info, dict) else None
        if isinstance(url, str):
            return url
    return None


def _name_spec_lines(resolver: Resolver, url: str | None, dropped: list[dict[str, Any]]) -> None:
    """Add to each dropped histogram the line of Histograms.json that it broke, where there is one."""
    if url is None or not dropped:
        return
    try:
        found = resolver.resolve(parse_revision_url(url), channel=None, build_id=None, version=None)
    except BadRevisionUrl:
        return
    if not isinstance(found, Resolved):
        return
    for histogram in dropped:
        line = found.spec_file.line_of(histogram["name"])
        if line is not None:
            histogram["spec_line"] = line


def _unread(root: DataRoot, ledger: Ledger, document_id: UUID) -> Iterator[str]:
    """When submissions with this id arrived that the converter did not come to yet."""
    wanted = str(document_id)
    positions = ledger.positions()
    for segment in segments(root.raw):
        position = positions.get(segment.name, SEGMENT_START)
        if position.finished:
            continue
        for submission in submissions_from(segment.path, position.position):
            if (document_id_of(submission.path) or "").lower() == wanted:
                yield timestamp(submission.received_at)
