"""What ``cat`` prints: lines of ``<docid>``, a tab, JSON."""

import fnmatch
from collections.abc import Callable, Iterator
from typing import Any

from storage.data_root import DataRoot
from storage.ledger.ledger import Ledger
from storage.partitions.reader import Filing, Filter, dimensions_by_schema, filed_as_other, read_records
from storage.partitions.schema import PartitionSchema
from telemetry_server.inspection.submission_listing import raw_submissions, shown_refusal, shown_submission
from telemetry_server.outcomes.quarantine_line import NO_ID, one_by_one
from telemetry_server.pings.errors import PingError
from telemetry_server.pings.json_text import json_of, stored_object
from telemetry_server.pings.submit_path import parse_submit_path

Tell = Callable[[str], None]

# What --where takes for raw and quarantine: fields of the object, and what its path says.
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


# What --where takes for converted beside the dimensions, and the dimension that is filled from it.
RECORD_FIELDS = {"namespace": "appName", "doctype": "reason"}


def converted(root: DataRoot, ledger: Ledger, wanted: Filter, on_damage: Tell) -> Iterator[bytes]:
    """Stored records; conditions on dimensions prune folders, others are compared with each record."""
    dimensions = _dimensions(ledger)
    of_records = [condition for condition in wanted.where if condition[0] not in dimensions]
    of_folders = tuple(condition for condition in wanted.where if condition[0] in dimensions)
    lines = read_records(root.path, ledger, Filter(wanted.day, of_folders), on_damage=on_damage)
    return (line for line in lines if not of_records or _record_holds(line, of_records))


def _record_holds(line: bytes, conditions: list[tuple[str, str]]) -> bool:
    metadata = stored_object(line.partition(b"\t")[2])["metadata"]
    return all(fnmatch.fnmatchcase(str(metadata.get(name, "")), pattern) for name, pattern in conditions)


def _dimensions(ledger: Ledger) -> set[str]:
    return {name for names in dimensions_by_schema(ledger).values() for name in names}


def notes_on_other(ledger: Ledger, wanted: Filter) -> Iterator[str]:
    """One line for each condition on a dimension whose value is, or was, filed as OTHER."""
    for name, value in wanted.where:
        filing = filed_as_other(ledger, (name, value))
        if filing is Filing.ITSELF:
            continue
        field = next((field for field, dimension in RECORD_FIELDS.items() if dimension == name), None)
        instead = f"--where {name}=OTHER" + (f" or --where {field}={value}" if field else "")
        if filing is Filing.OTHER:
            yield f"{name}={value} is filed as OTHER, the partition schema does not list it; use {instead}"
        else:
            yield f"{name}={value} was filed as OTHER by an earlier schema; older records: {instead}"


def quarantine(root: DataRoot, ledger: Ledger, wanted: Filter, on_damage: Tell) -> Iterator[bytes]:
    """What was refused; a condition on the reason prunes folders, others are held against each object."""
    reasons = tuple(condition for condition in wanted.where if condition[0] == "reason")
    pruned = Filter(wanted.day, reasons)
    for line in read_records(root.path, ledger, pruned, "quarantine", on_damage=on_damage):
        for fields in one_by_one(stored_object(line.partition(b"\t")[2])):
            if _holds(fields, wanted):
                yield _line(shown_refusal(fields))


def raw(root: DataRoot, ledger: Ledger, wanted: Filter, on_damage: Tell) -> Iterator[bytes]:
    """Submissions as they came; here the reason is what the path says, if anything."""
    del ledger, on_damage
    for submission in raw_submissions(root.raw, day=wanted.day):
        fields = shown_submission(submission)
        if _holds(fields, wanted):
            yield _line(fields)


READERS: dict[str, Callable[[DataRoot, Ledger, Filter, Tell], Iterator[bytes]]] = {
    "converted": converted,
    "quarantine": quarantine,
    "raw": raw,
}


def unknown_name(store: str, ledger: Ledger, wanted: Filter) -> str | None:
    """The message about a name that *store* cannot be filtered by; None if all are known."""
    known = _dimensions(ledger) or set(DEFAULT_DIMENSIONS)
    known = {*FIELDS, *PATH_FIELDS} if store != "converted" else known | set(RECORD_FIELDS)
    for name, _ in wanted.where:
        if name not in known:
            return f"{store} cannot be filtered by {name!r}, only by {', '.join(sorted(known))}"
    return None


def _holds(fields: dict[str, Any], wanted: Filter) -> bool:
    if not wanted.where:
        return True
    values = {name: value for name, value in fields.items() if value is not None}
    held = said_by_path(str(fields["path"])) | values
    return all(fnmatch.fnmatchcase(str(held.get(name, "")), pattern) for name, pattern in wanted.where)


def said_by_path(path: str) -> dict[str, str]:
    """What a submit path says of the dimensions; nothing where it has no known form."""
    try:
        found = parse_submit_path(path)
    except PingError:
        return {}
    said = {
        "reason": found.doctype,
        "namespace": found.namespace,
        "doctype": found.doctype,
        "appName": found.app_name,
        "appVersion": found.app_version,
        "appUpdateChannel": found.channel,
        "appBuildID": found.build_id,
    }
    return {name: value for name, value in said.items() if value is not None}


def _line(fields: dict[str, Any]) -> bytes:
    return (fields["document_id"] or NO_ID).encode() + b"\t" + json_of(fields)
