"""The lines that ``cat`` prints: ``<docid>``, a tab, JSON."""

import fnmatch
from collections.abc import Callable, Iterator
from typing import Any

from storage.data_root import DataRoot
from storage.ledger.ledger import Ledger
from storage.partitions.reader import Filter, RecordFolder, dimensions_by_schema, filed_as_other, read_records
from storage.partitions.schema import PartitionSchema
from storage.raw.submission import Submission
from telemetry_server.inspection.submission_listing import raw_submissions, shown_refusal, shown_submission
from telemetry_server.outcomes.quarantine_line import NO_ID, one_by_one
from telemetry_server.pings.errors import PingError
from telemetry_server.pings.json_text import json_of, stored_object
from telemetry_server.pings.submit_path import parse_submit_path

OnDamage = Callable[[str], None]

# Names that --where takes for raw and quarantine: fields of the object, and parts of its submit path.
FIELDS = (
    "document_id",
    "received_at",
    "path",
    "query",
    "method",
    "protocol",
    "host",
    "reason",
    "detail",
    "histogram",
)
DEFAULT_DIMENSIONS = PartitionSchema.default().field_names
PATH_FIELDS = ("namespace", "doctype", "appName", "appVersion", "appUpdateChannel", "appBuildID")

# Names that --where takes for converted besides dimensions, each with the dimension filled from it.
RECORD_FIELDS = {"namespace": "appName", "doctype": "reason"}


def converted(root: DataRoot, ledger: Ledger, wanted: Filter, on_damage: OnDamage) -> Iterator[bytes]:
    """Yield stored records.  Conditions on dimensions select folders, others are checked on each record."""
    dimensions = _dimensions(ledger)
    of_records = [condition for condition in wanted.where if condition[0] not in dimensions]
    of_folders = tuple(condition for condition in wanted.where if condition[0] in dimensions)
    lines = read_records(root.path, ledger, Filter(wanted.day, of_folders), on_damage=on_damage)
    return (line for line in lines if not of_records or _record_matches(line, of_records))


def _record_matches(line: bytes, conditions: list[tuple[str, str]]) -> bool:
    metadata = stored_object(line.partition(b"\t")[2])["metadata"]
    return all(fnmatch.fnmatchcase(str(metadata.get(name, "")), pattern) for name, pattern in conditions)


def _dimensions(ledger: Ledger) -> set[str]:
    return {name for names in dimensions_by_schema(ledger).values() for name in names}


def notes_on_other(ledger: Ledger, wanted: Filter) -> Iterator[str]:
    """Yield a line for each condition on a dimension whose value is, or was, stored as OTHER."""
    for name, value in wanted.where:
        filing = filed_as_other(ledger, (name, value))
        if filing is RecordFolder.ITSELF:
            continue
        field = next((field for field, dimension in RECORD_FIELDS.items() if dimension == name), None)
        instead = f"--where {name}=OTHER" + (f" or --where {field}={value}" if field else "")
        if filing is RecordFolder.OTHER:
            yield f"{name}={value} is stored as OTHER (the partition schema does not list it); use {instead}"
        else:
            yield f"{name}={value} was stored as OTHER by an earlier schema; for older records use {instead}"


def quarantine(root: DataRoot, ledger: Ledger, wanted: Filter, on_damage: OnDamage) -> Iterator[bytes]:
    """Yield quarantine lines.  Conditions on the reason select folders, others are checked on each object."""
    reasons = tuple(condition for condition in wanted.where if condition[0] == "reason")
    pruned = Filter(wanted.day, reasons)
    for line in read_records(root.path, ledger, pruned, "quarantine", on_damage=on_damage):
        for fields in one_by_one(stored_object(line.partition(b"\t")[2])):
            if _matches(fields, wanted):
                yield _line(shown_refusal(fields))


def raw(
    root: DataRoot,
    ledger: Ledger,
    wanted: Filter,
    on_damage: OnDamage,
    showable: Callable[[Submission], Submission] = lambda submission: submission,
) -> Iterator[bytes]:
    """Yield what is *showable* of each submission; a reason here is the one in the submit path, if any."""
    del ledger, on_damage
    for submission in raw_submissions(root.raw, day=wanted.day):
        fields = shown_submission(showable(submission))
        if _matches(fields, wanted):
            yield _line(fields)


READERS: dict[str, Callable[[DataRoot, Ledger, Filter, OnDamage], Iterator[bytes]]] = {
    "converted": converted,
    "quarantine": quarantine,
    "raw": raw,
}


def unknown_name(store: str, ledger: Ledger, wanted: Filter) -> str | None:
    """Return the message about a name that *store* cannot be filtered by; None if all are known."""
    known = _dimensions(ledger) or set(DEFAULT_DIMENSIONS)
    known = {*FIELDS, *PATH_FIELDS} if store != "converted" else known | set(RECORD_FIELDS)
    for name, _ in wanted.where:
        if name not in known:
            return f"{store} cannot be filtered by {name!r}, only by {', '.join(sorted(known))}"
    return None


def _matches(fields: dict[str, Any], wanted: Filter) -> bool:
    if not wanted.where:
        return True
    values = {name: value for name, value in fields.items() if value is not None}
    known = fields_of_path(str(fields["path"])) | values
    return all(fnmatch.fnmatchcase(str(known.get(name, "")), pattern) for name, pattern in wanted.where)


def fields_of_path(path: str) -> dict[str, str]:
    """Return the fields of a submit path by dimension; nothing if its form is unknown."""
    try:
        found = parse_submit_path(path)
    except PingError:
        return {}
    fields = {
        "reason": found.doctype,
        "namespace": found.namespace,
        "doctype": found.doctype,
        "appName": found.app_name,
        "appVersion": found.app_version,
        "appUpdateChannel": found.channel,
        "appBuildID": found.build_id,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _line(fields: dict[str, Any]) -> bytes:
    return (fields["document_id"] or NO_ID).encode() + b"\t" + json_of(fields)
