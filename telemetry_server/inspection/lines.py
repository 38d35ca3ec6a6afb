"""What ``cat`` prints: lines of ``<docid>``, a tab, JSON."""

import fnmatch
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from storage.ledger.ledger import Ledger
from storage.partitions.reader import Filter, dimensions_by_schema, read_records
from storage.root import DataRoot
from telemetry_server.convert.refusal_line import NO_ID
from telemetry_server.inspection.raw_lines import raw_submissions, shown_refusal, shown_submission


def converted(root: DataRoot, ledger: Ledger, wanted: Filter) -> Iterator[bytes]:
    """Stored records."""
    return read_records(root.path, ledger, wanted)


def quarantine(root: DataRoot, ledger: Ledger, wanted: Filter) -> Iterator[bytes]:
    """What was refused; a condition on the reason prunes folders, others are held against each object."""
    reasons = tuple(condition for condition in wanted.where if condition[0] == "reason")
    for line in read_records(root.path, ledger, Filter(wanted.day, reasons), "quarantine"):
        fields = orjson.loads(line.partition(b"\t")[2])
        if _holds(fields, wanted):
            yield _line(shown_refusal(fields))


def raw(root: DataRoot, ledger: Ledger, wanted: Filter) -> Iterator[bytes]:
    """Submissions as they came."""
    del ledger
    for submission in raw_submissions(root.raw, day=wanted.day):
        fields = shown_submission(submission)
        if _holds(fields, wanted):
            yield _line(fields)


READERS: dict[str, Callable[[DataRoot, Ledger, Filter], Iterator[bytes]]] = {
    "converted": converted,
    "quarantine": quarantine,
    "raw": raw,
}


def unknown_dimension(ledger: Ledger, wanted: Filter) -> str | None:
    """What to tell somebody who filters by a dimension that no schema has; None if all are known."""
    known = {name for names in dimensions_by_schema(ledger).values() for name in names}
    for name, _ in wanted.where:
        if known and name not in known:
            return f"{name!r} is no dimension; the schema has {', '.join(sorted(known))}"
    return None


def _holds(fields: dict[str, Any], wanted: Filter) -> bool:
    return all(fnmatch.fnmatchcase(str(fields.get(name, "")), pattern) for name, pattern in wanted.where)


def _line(fields: dict[str, Any]) -> bytes:
    return (fields["document_id"] or NO_ID).encode() + b"\t" + orjson.dumps(fields)
