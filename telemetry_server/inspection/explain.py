"""Explains what happened to a ping, for ``explain``."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from histogram_specs.errors import BadRevisionUrl
from histogram_specs.history.resolver import Resolved, Resolver
from histogram_specs.revision import parse_revision_url
from storage.data_root import DataRoot
from storage.ledger.forgotten import IdKind
from storage.ledger.ledger import Ledger
from storage.ledger.values import SEGMENT_START, UNJUDGED, IdOutcome
from storage.partitions.reader import Filter, read_directory, read_records
from storage.raw.reader import segments
from telemetry_server.coordinator.conversion_worker import read_item
from telemetry_server.coordinator.work_items import RawItem
from telemetry_server.inspection.histogram_count import histograms_kept
from telemetry_server.inspection.probe_marks import anomalies_of
from telemetry_server.inspection.record_fields import revision_url
from telemetry_server.inspection.refused_names import names_in_path, names_in_quarantine
from telemetry_server.inspection.submission_listing import submissions_from
from telemetry_server.outcomes.checks import CHECKS, DOCTYPE, REVISION
from telemetry_server.outcomes.outcome import QuarantineReason
from telemetry_server.outcomes.quarantine_line import one_by_one
from telemetry_server.outcomes.timestamps import timestamp
from telemetry_server.pings.doctype_check import UNREGISTERED_VERSION
from telemetry_server.pings.submit_path import document_id_of
from telemetry_server.privacy.identifiers.keyed_hash import IdHash, read_key
from telemetry_server.probes.marks import MarkName
from telemetry_server.probes.probe_checks import ProbeChecks

REMOVED = "its bytes in quarantine were removed after quarantine_retention_days"
BY_ORDER = "an order deleted it, and nothing of it is kept"
OUTCOME_ORDER = ("stored", "pending", "quarantined", "duplicate", "deleted")


@dataclass(frozen=True, slots=True)
class Explanation:
    """All known facts about a document id."""

    document_id: str
    outcome: str
    reason: str | None = None
    detail: str | None = None
    received_at: str | None = None
    namespace: str | None = None
    doctype: str | None = None
    where: str | None = None  # location below the data root
    checked: list[dict[str, Any]] = field(default_factory=list)
    revision: str | None = None
    revision_source: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    kept_histograms: int | None = None  # of a stored ping; histograms sent packed are not counted
    self_described: dict[str, Any] = field(default_factory=dict)  # as in the record's metadata
    dropped_histograms: list[dict[str, Any]] = field(default_factory=list)
    anomalies: list[dict[str, Any]] = field(default_factory=list)  # marks of a stored ping
    others: list[dict[str, Any]] = field(default_factory=list)  # other submissions under this id

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``explain --json`` prints."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def explain(
    root: DataRoot,
    ledger: Ledger,
    resolver: Resolver,
    document_id: UUID,
    checks: ProbeChecks | None = None,
) -> Explanation | None:
    """
    Return what happened to *document_id*; None if the ledger and raw/ do not know it.

    Marks of main pings need no *checks*; those of other pings do.

    If several submissions have the id, the first of `OUTCOME_ORDER` is explained, and the
    rest is in `others`.
    """
    if _is_forgotten(root, ledger, document_id):
        return Explanation(str(document_id), "deleted", detail=BY_ORDER)
    outcomes = sorted(
        ledger.outcomes_of(document_id.bytes), key=lambda known: OUTCOME_ORDER.index(known.outcome)
    )
    outcomes += _unread(root, ledger, document_id)
    if not outcomes:
        return None
    first, *rest = outcomes
    others = [
        {
            "outcome": known.outcome,
            "reason": known.reason or None,
            "detail": known.detail or None,
            "received_at": known.received_at or None,
            "namespace": known.namespace or None,
            "doctype": known.doctype or None,
            "where": known.directory or None,
        }
        for known in rest
    ]
    checks = checks or ProbeChecks(resolver)
    facts = _facts(root, ledger, resolver, str(document_id), first, checks=checks)
    return Explanation(**facts, others=others)


def _is_forgotten(root: DataRoot, ledger: Ledger, document_id: UUID) -> bool:
    """Return whether an order deleted *document_id*; only its hash is left."""
    if not ledger.forgotten_version():
        return False
    key = read_key(root)
    return key is not None and ledger.is_forgotten(IdKind.DOCUMENT, IdHash(key).of_uuid(document_id.bytes))


def _facts(
    root: DataRoot,
    ledger: Ledger,
    resolver: Resolver,
    document_id: str,
    known: IdOutcome,
    *,
    checks: ProbeChecks,
) -> dict[str, Any]:
    """Return the fields of the explanation, except `others`."""
    detail = known.detail or (REMOVED if known.outcome == "deleted" else None)
    facts: dict[str, Any] = {
        "checked": _checked(known),
        "document_id": document_id,
        "outcome": known.outcome,
        "reason": known.reason or None,
        "detail": detail,
        "received_at": known.received_at or None,
    }
    if known.outcome == "stored":
        record = _record(root, ledger, known, document_id)
        if record is not None:
            facts |= _facts_of_record(root, ledger, resolver, known, record)
            facts["anomalies"] = anomalies_of(record[1], checks)
    elif known.outcome == "quarantined":
        facts["where"] = f"quarantine/{known.received_at[:10].replace('-', '')}/{known.reason}"
        facts |= names_in_quarantine(root, ledger, document_id, known)
        if known.reason == QuarantineReason.PRIVACY_VIOLATION:
            name = MarkName.CLIENT_ID_PRESENT.value
            facts["anomalies"] = [{"name": name, "metric": None, "process": None, "detail": detail}]
    elif known.segment:
        facts["reason"] = "waiting for definitions"
        facts["detail"] = (
            f"the definitions of {known.detail} are not in the cache yet; the server tries again"
        )
        if known.detail == UNJUDGED:
            facts["reason"], facts["detail"] = "not converted yet", "the next conversion reads it"
        else:
            facts["revision"] = known.detail
        facts["where"] = f"raw/{known.segment}"
        item = RawItem(known.segment, known.offset, known.length)
        submission = read_item(root.raw, item)
        facts["received_at"] = timestamp(submission.received_at)
        facts |= names_in_path(submission.path)
    else:
        facts |= {"namespace": known.namespace or None, "doctype": known.doctype or None}
    return facts


def _checked(known: IdOutcome) -> list[dict[str, Any]]:
    """Return the passed checks and the failed one; nothing if the ping was not read yet."""
    if known.outcome == "pending":
        passed_checks = CHECKS[: CHECKS.index(REVISION)] if known.segment else ()
        return [{"check": check.name, "passed": True} for check in passed_checks]
    checked = []
    is_refused = known.outcome in ("quarantined", "deleted")
    for check in CHECKS:
        passed = not (is_refused and known.reason in check.reasons)
        checked.append({"check": check.name, "passed": passed})
        if not passed:
            break
    return checked


def _record(
    root: DataRoot, ledger: Ledger, known: IdOutcome, document_id: str
) -> tuple[str, dict[str, Any]] | None:
    """Find the stored record and its id as sent.  This may read all records of the partition and day."""
    wanted = document_id.encode()
    for line in read_directory(root.path, ledger, known.directory):
        if line[:36].lower() == wanted:
            record = orjson.loads(line[37:])
            metadata = record["metadata"]
            if (metadata["namespace"], metadata["doctype"]) == (known.namespace, known.doctype):
                return line[:36].decode(), record
    return None


def _facts_of_record(
    root: DataRoot,
    ledger: Ledger,
    resolver: Resolver,
    known: IdOutcome,
    found: tuple[str, dict[str, Any]],
) -> dict[str, Any]:
    document_id, record = found
    metadata = record["metadata"]
    if UNREGISTERED_VERSION in metadata.get("anomalies", {}):
        # No schema was applied, so this check did not take place.
        checked = [check for check in _checked(known) if check["check"] != DOCTYPE.name]
    else:
        checked = _checked(known)
    # metadata has the revision of the definitions if it is not the ping's own.
    url = metadata.get("revision") or revision_url(record)
    counts = metadata.get("dropped_histograms", {})
    dropped = list(_dropped(root, ledger, known, document_id, counts))
    _name_spec_lines(resolver, url, dropped)
    removed = sum(counts.values()) - len(dropped)
    return {
        "checked": checked,
        "detail": f"{removed} dropped values were removed after quarantine_retention_days"
        if removed > 0
        else None,
        "document_id": document_id,
        "received_at": metadata["submission_timestamp"],
        "namespace": known.namespace,
        "doctype": known.doctype,
        "where": known.directory,
        "revision": url,
        "revision_source": metadata.get("revision_source") or ("ping" if url else None),
        "metadata": metadata,
        "kept_histograms": histograms_kept(record),
        "self_described": metadata.get("self_described", {}),
        "dropped_histograms": dropped,
    }


def _dropped(
    root: DataRoot, ledger: Ledger, known: IdOutcome, document_id: str, counts: dict[str, int]
) -> Iterator[dict[str, Any]]:
    day = known.directory.split("/")[1]
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


def _name_spec_lines(resolver: Resolver, url: str | None, dropped: list[dict[str, Any]]) -> None:
    """Add to each dropped histogram the line of its definition in Histograms.json, if it has one."""
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


def _unread(root: DataRoot, ledger: Ledger, document_id: UUID) -> Iterator[IdOutcome]:
    """Yield the submissions with this id that are not read yet."""
    wanted = str(document_id)
    positions = ledger.positions()
    for segment in segments(root.raw):
        position = positions.get(segment.name, SEGMENT_START)
        if position.finished:
            continue
        for submission in submissions_from(segment.path, position.position):
            if (document_id_of(submission.path) or "").lower() == wanted:
                names = names_in_path(submission.path)
                yield IdOutcome(
                    "pending",
                    "not read yet",
                    received_at=timestamp(submission.received_at),
                    namespace=names["namespace"] or "",
                    doctype=names["doctype"] or "",
                )
