"""The query behind `explain`: every outcome of one document id."""

import sqlite3

from storage.ledger.values import Life


def outcomes_of_id(connection: sqlite3.Connection, document_id: bytes) -> list[Life]:
    """Return the outcomes of an id: stored first, then pending, then refused ones, latest first."""
    execute = connection.execute
    stored = [
        Life("stored", directory=directory, namespace=namespace, doctype=doctype)
        for directory, namespace, doctype in execute(
            "SELECT directory, namespace, doctype FROM seen JOIN scopes USING (scope_id)"
            " JOIN directories USING (directory_id) WHERE document_id = ?",
            (document_id,),
        )
    ]
    pending = [
        Life("pending", detail=revision, segment=segment, offset=offset, length=length)
        for revision, segment, offset, length in execute(
            "SELECT revision, name, offset, length FROM pending JOIN segments USING (segment_id)"
            " WHERE document_id = ?",
            (document_id,),
        )
    ]
    refused = [
        Life(outcome, reason, detail, received_at)
        for outcome, reason, detail, received_at in execute(
            "SELECT outcome, reason, detail, received_at FROM refused"
            " WHERE document_id = ? ORDER BY rowid DESC",
            (document_id,),
        )
    ]
    return [*stored, *pending, *refused]
