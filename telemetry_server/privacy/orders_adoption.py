"""
Enters the deletion requests that came before this ledger noted orders: once for each ledger.

They are in files of records and of quarantine, where earlier servers and `repair` left them.
"""

import base64
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import orjson

from storage.archive.object_reading import open_stored
from storage.ledger.forgotten import IdKind, OrderState
from storage.partitions.frames import DamagedFrame, read_lines
from telemetry_server.pings.deletion_request import DELETION_DOCTYPES, deletion_order_of
from telemetry_server.pings.errors import PingError
from telemetry_server.pings.inflate import inflate
from telemetry_server.pings.json_text import parse_object
from telemetry_server.privacy.identifiers.keyed_hash import COMMON_IDS, uuid_of
from telemetry_server.privacy.places import Forgetting

SOURCE = "ping"
_MARKS = tuple(f'"doctype":"{doctype}"'.encode() for doctype in DELETION_DOCTYPES)


def adopt_orders(context: Forgetting) -> None:
    """
    Enter the orders that files hold and the ledger does not know.  The caller holds the converter's lock.

    Raises:
        OSError, StorageError: A file cannot be read, or the disk refuses; the next run does it.
    """
    if context.ledger.has_adopted_orders():
        return
    found = [*_stored_orders(context), *_refused_orders(context)]
    with context.ledger.transaction() as transaction:
        for namespace, received_at, ids in found:
            order = transaction.add_order(SOURCE, namespace, received_at, OrderState.WAITING)
            transaction.add_order_ids(order, IdKind.CLIENT, map(context.hash.of_uuid, ids))
        transaction.note_adopted_orders()


def _stored_orders(context: Forgetting) -> Iterator[tuple[str, int, set[bytes]]]:
    for directory in context.ledger.directories_of(DELETION_DOCTYPES):
        for line in _lines(context, directory):
            if any(mark in line for mark in _MARKS):
                record = orjson.loads(line[line.index(b"\t") + 1 :])
                metadata = record["metadata"]
                yield from _order(metadata, metadata["submission_timestamp"], record)


def _refused_orders(context: Forgetting) -> Iterator[tuple[str, int, set[bytes]]]:
    for line in _lines(context, "quarantine"):
        if any(mark in line for mark in _MARKS):
            fields = orjson.loads(line[line.index(b"\t") + 1 :])
            if "body_base64" in fields:
                try:
                    ping = parse_object(inflate(base64.b64decode(fields["body_base64"])).data).value
                except PingError:
                    continue
                yield from _order(fields, fields["received_at"], ping)


def _order(about: dict[str, Any], moment: str, ping: dict[str, Any]) -> Iterator[tuple[str, int, set[bytes]]]:
    if about["doctype"] not in DELETION_DOCTYPES:
        return
    order = deletion_order_of(about["doctype"], ping) or {"ids": []}
    ids = {uuid for text in order["ids"] if (uuid := uuid_of(text)) is not None} - COMMON_IDS
    if ids:
        yield about["namespace"], int(datetime.fromisoformat(moment).timestamp()), ids


def _lines(context: Forgetting, below: str) -> Iterator[bytes]:
    for file in context.ledger.files(below):
        try:
            with open_stored(context.root.path, file.path, context.ledger.archived_object) as stream:
                yield from read_lines(stream, file.length)
        except (EOFError, DamagedFrame) as error:
            raise OSError(f"{file.path}: damaged: {error}; see audit") from error
