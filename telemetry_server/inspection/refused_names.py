"""Namespace and doctype of submissions that were not stored, as far as they are known."""

import orjson

from storage.data_root import DataRoot
from storage.errors import StorageError
from storage.ledger.ledger import Ledger
from storage.ledger.values import IdOutcome
from storage.partitions.reader import Filter, read_records
from storage.partitions.schema import UNKNOWN
from telemetry_server.pings.errors import PingError
from telemetry_server.pings.submit_path import parse_submit_path

Names = dict[str, str | None]
UNNAMED: Names = {"namespace": None, "doctype": None}
MAX_READ_BYTES = 64 << 20  # of lines: a reader of the page of a ping must not wait for all of a large day


def names_in_path(path: str) -> Names:
    """Return what a submit path says; the short path of Firefox does not name the doctype."""
    try:
        parsed = parse_submit_path(path)
    except PingError:
        return UNNAMED
    return {"namespace": parsed.namespace, "doctype": parsed.doctype}


def names_in_quarantine(root: DataRoot, ledger: Ledger, document_id: str, known: IdOutcome) -> Names:
    """
    Return what the quarantine line of *known* says; nothing where it cannot be read.

    Only the first `MAX_READ_BYTES` of the lines of the day and reason are read.
    """
    wanted = document_id.encode() + b"\t"
    where = Filter(known.received_at[:10].replace("-", ""), (("reason", known.reason),))
    names, read_bytes = UNNAMED, 0
    try:
        for line in read_records(root.path, ledger, where, "quarantine", on_damage=lambda _: None):
            read_bytes += len(line)
            if read_bytes > MAX_READ_BYTES:
                break
            if line[: len(wanted)].lower() == wanted:
                fields = orjson.loads(line[len(wanted) :])
                names = {name: _known(fields[name]) for name in UNNAMED}
                if fields["received_at"] == known.received_at:
                    break
    except (StorageError, OSError):
        return UNNAMED  # `audit` reports what is missing; the rest of the explanation is known
    return names


def _known(name: str) -> str | None:
    return None if name == UNKNOWN else name
