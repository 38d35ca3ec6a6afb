"""
Finds the documents of an order's clients, and takes them out of the ledger.

Afterwards hashes alone say what is left to remove, so a deletion that was killed goes on without the ids.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from uuid import UUID

import orjson

from storage.archive.object_reading import open_stored
from storage.errors import DamagedRecord, TornRecord
from storage.ledger.forgotten import IdKind, OrderState
from storage.ledger.transaction import Transaction
from storage.ledger.values import SEGMENT_START, Counts, Entry, PendingPing
from storage.partitions.frames import read_lines
from storage.raw.reader import Span, read_submission
from storage.raw.submission import Submission
from telemetry_server.privacy.damaged_files import DamagedFile, MissingFile, damage_of
from telemetry_server.privacy.forget_report import RAW
from telemetry_server.privacy.forget_wanted import Wanted
from telemetry_server.privacy.identifiers.keyed_hash import COMMON_IDS
from telemetry_server.privacy.identifiers.submission_ids import (
    ids_in_line,
    ids_in_submission,
    own_uuid,
    own_uuid_of_line,
)
from telemetry_server.privacy.places import Forgetting, line_files, path_hash, segment_files
from telemetry_server.privacy.raw_parts import RawPart, raw_parts

CLIENT_DIGEST_BYTES = 16  # as in `convert.probe_check`


@dataclass(slots=True)
class Found:
    """What belongs to orders, each with the number of its order."""

    documents: dict[bytes, int] = field(default_factory=dict)
    clients: dict[bytes, int] = field(default_factory=dict)
    nameless: dict[str, int] = field(default_factory=dict)  # paths without a document id
    pending: list[tuple[PendingPing, int]] = field(default_factory=list)
    raw: dict[str, dict[int, int]] = field(default_factory=dict)  # by segment and offset
    damaged: list[str] = field(default_factory=list)  # one line for each file that was not read whole

    def take(self, own: bytes | None, order: int, path: str) -> None:
        """Add a line or submission with its own id, or with its *path* if it has none."""
        if own is None:
            self.nameless[path] = order
        elif own not in COMMON_IDS:
            self.documents.setdefault(own, order)

    def take_raw(self, segment: str, offset: int, order: int) -> None:
        """Add a submission or a damaged region of raw/."""
        self.raw.setdefault(segment, {}).setdefault(offset, order)


def find(context: Forgetting, wanted: Wanted, given: Mapping[bytes, int]) -> Found:
    """
    Find what is of *wanted*; nothing is changed.

    Args:
        given: Documents that were ordered by their ids.

    Raises:
        OSError, StorageError: A file cannot be read.
    """
    found = Found(documents=dict(given))
    _find_lines(context, wanted, found)
    _find_waiting(context, wanted, found)
    _find_bodies(context, wanted, found)
    _find_raw(context, wanted, found)
    return found


def _find_lines(context: Forgetting, wanted: Wanted, found: Found) -> None:
    files = line_files(context)
    candidates = context.index.holding(files, wanted.hashes())
    for path in candidates:
        file = files[path]
        try:
            with (
                damage_of(path),
                open_stored(context.root.path, path, context.ledger.archived_object) as stream,
            ):
                for line in read_lines(stream, file.length):
                    _find_line(wanted, found, line)
        except MissingFile as error:
            # A dry run does not hold the converter's lock.
            is_lost = path in line_files(context)
            found.damaged.append(str(error) if is_lost else f"{path}: replaced meanwhile; run forget again")
        except DamagedFile as error:
            found.damaged.append(str(error))


def _find_line(wanted: Wanted, found: Found, line: bytes) -> None:
    own = own_uuid_of_line(line)
    clients = wanted.clients_in(ids_in_line(line)) if wanted.clients else {}
    order = wanted.document(own)
    if order is None:
        order = next(iter(clients.values()), None)
    if order is None:
        return
    found.clients |= clients
    if own is not None:
        found.take(own, order, "")
    else:
        found.take(None, order, orjson.loads(line[line.index(b"\t") + 1 :])["path"])


def _find_waiting(context: Forgetting, wanted: Wanted, found: Found) -> None:
    """
    Find submissions that wait for definitions, and those that are not read yet: they are in no file of lines.

    If a file of lines is damaged, all of raw/ is read, because it may still have what the file had.
    """
    for ping in context.ledger.pending():
        submission = _submission(context, ping.segment, ping.offset, ping.length)
        order = None if submission is None else _order_of(wanted, found, submission)
        if order is not None:
            found.pending.append((ping, order))
            found.take_raw(ping.segment, ping.offset, order)
    positions = context.ledger.positions()
    for segment in segment_files(context).values():
        position = positions.get(segment.name, SEGMENT_START)
        if position.finished and not found.damaged:
            continue
        for part in raw_parts(segment.path, 0 if found.damaged else position.position):
            order = (
                wanted.of_damaged(part.damaged)
                if part.submission is None
                else _order_of(wanted, found, part.submission)
            )
            if order is not None:
                found.take_raw(segment.name, part.offset, order)


def _order_of(wanted: Wanted, found: Found, submission: Submission) -> int | None:
    own = own_uuid(submission.path)
    clients = wanted.clients_in(ids_in_submission(submission)) if wanted.clients else {}
    order = wanted.document(own)
    if order is None:
        order = next(iter(clients.values()), None)
    if order is None:
        return None if own is None else found.documents.get(own)
    found.clients |= clients
    if own is not None:
        found.take(own, order, "")
    return order


def _submission(context: Forgetting, segment: str, offset: int, length: int) -> Submission | None:
    try:
        with (context.root.raw / segment).open("rb") as stream:
            return read_submission(stream.fileno(), Span(offset, length, 0, 0))
    except (DamagedRecord, TornRecord, FileNotFoundError):
        return None


def _find_bodies(context: Forgetting, wanted: Wanted, found: Found) -> None:
    """Find submissions whose client is named in raw/ alone: conversion took it out of the line."""
    if not context.opens_bodies:
        return
    files = segment_files(context)
    for path in context.index.holding(files, wanted.clients):
        for part in raw_parts(files[path].path):
            if part.submission is not None:
                _order_of(wanted, found, part.submission)


def _find_raw(context: Forgetting, wanted: Wanted, found: Found) -> None:
    """Find the bytes of the documents in raw/, with all repeats, and damaged bytes with wanted ids."""
    hashes = [context.hash.of_uuid(uuid) for uuid in found.documents]
    hashes += [path_hash(context.hash, path) for path in found.nameless]
    files = segment_files(context)
    for path in context.index.holding(files, [*hashes, *wanted.clients]):
        for part in raw_parts(files[path].path):
            order = _order_of_part(wanted, found, part)
            if order is not None:
                found.take_raw(files[path].name, part.offset, order)


def _order_of_part(wanted: Wanted, found: Found, part: RawPart) -> int | None:
    own = None if part.submission is None else own_uuid(part.submission.path)
    if own is not None:
        return found.documents.get(own)
    # Damaged, or of a path that many clients may send.
    ids = part.ids()
    orders = [*wanted.clients_in(ids).values()]
    if part.submission is None:
        orders += [found.documents[uuid] for uuid in ids & found.documents.keys()]
    return orders[0] if orders else None


def enter(context: Forgetting, found: Found, orders: list[int]) -> None:
    """
    Remember the documents, take them out of the ledger, and count what has no line of its own.

    If a file is damaged, the orders stay begun: after its repair more documents may be found.
    It is one commit.  The caller holds the converter's lock.
    """
    counts: Counts = Counter()
    removed: Counter[tuple[int, str]] = Counter()
    with context.ledger.transaction() as transaction:
        for order in orders:
            own = [uuid for uuid, of in found.documents.items() if of == order]
            transaction.add_order_ids(order, IdKind.DOCUMENT, map(context.hash.of_uuid, own))
            transaction.forget_ids(order)
            if not found.damaged:
                transaction.move_order(order, OrderState.FOUND)
        for uuid, order in found.documents.items():
            for day, _, count in transaction.unlink_document(uuid):
                counts[day, Entry.DUPLICATE, ""] -= count
                counts[day, Entry.DELETED, ""] += count
                removed[order, "duplicate"] += count
        _enter_pending(transaction, found, counts, removed)
        for segment, offsets in found.raw.items():
            transaction.remove_later(segment, offsets)
            removed.update((order, RAW) for order in offsets.values())
        for uuid in found.clients:
            client = str(UUID(bytes=uuid)).encode()
            transaction.unlink_client(blake2b(client, digest_size=CLIENT_DIGEST_BYTES).digest())
        transaction.add(counts)
        transaction.count_removed(removed)


def _enter_pending(
    transaction: Transaction, found: Found, counts: Counts, removed: Counter[tuple[int, str]]
) -> None:
    for ping, order in found.pending:
        transaction.stop_waiting(ping.pending_id)
        counts[ping.day, Entry.DELETED, ""] += 1
        removed[order, "pending"] += 1
