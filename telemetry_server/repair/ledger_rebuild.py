"""Builds a ledger from the partition files and raw/."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from storage.data_root import DataRoot
from storage.ledger.forgotten import RememberedOrder, remembered_orders
from storage.ledger.ledger import Ledger
from storage.ledger.transaction import Transaction
from storage.ledger.values import UNJUDGED, UNKNOWN_DIGEST, Counts, Entry, StoredFile
from storage.partitions.schema import parse_schema
from storage.raw.writer import utc_now
from telemetry_server.privacy.orders import remembered
from telemetry_server.repair.inventory import Inventory, KnownFile, facts_of
from telemetry_server.repair.line_facts import Kind, LineFacts
from telemetry_server.repair.raw_matching import ReadSegment, read_segments


@dataclass(frozen=True, slots=True)
class Memory:
    """Facts that only the old ledger has; empty where it cannot be read."""

    schemas: tuple[str, ...] = ()  # as JSON, in the order in which they came into force
    swept: tuple[tuple[str, int, int], ...] = ()  # series, and a range of numbers
    orders: tuple[RememberedOrder, ...] = ()
    removals: Mapping[str, set[int]] = field(default_factory=dict)
    knows_orders: bool = False  # whether `orders` are all that files hold
    commits: int = 0
    last_number: int = 0
    digest_of: Callable[[LineFacts], int | None] = field(default=lambda _: None)

    @classmethod
    def of(cls, ledger: Ledger | None) -> "Memory":
        """Return the facts of *ledger*."""
        if ledger is None:
            return cls()

        def digest_of(facts: LineFacts) -> int | None:
            assert facts.document_id is not None
            return ledger.seen_digest(facts.document_id, facts.namespace, facts.doctype)

        ranges = ((series, *ends) for series, found in ledger.swept().items() for ends in found)
        return cls(
            tuple(text for _, text in sorted(ledger.schemas().items())),
            tuple(ranges),
            tuple(remembered_orders(ledger)),
            ledger.removals(),
            ledger.has_adopted_orders(),
            ledger.counter("commit"),
            ledger.counter("file"),
            digest_of,
        )


@dataclass(slots=True)
class Rebuilt:
    """Counts of a rebuilt ledger."""

    files: int = 0
    stored: int = 0
    quarantined: int = 0
    conflicts: int = 0
    unjudged: int = (
        0  # read before, but without an outcome in a file: duplicates, or pings that wait for definitions
    )
    read_segments: int = 0
    counts: Counts = field(default_factory=Counter)


def build(
    root: DataRoot,
    path: Path,
    inventory: Inventory,
    memory: Memory,
    *,
    root_id: str,
    commits: int,
    schema_text: str,
) -> Rebuilt:
    """
    Write the ledger of *inventory*'s files and of raw/ to *path*, which must not exist.

    Args:
        commits: The lowest value for the new ledger's count of commits.
        schema_text: The partition schema in force, as JSON.

    Raises:
        OSError, StorageError: A disk operation failed; *path* is not usable.
    """
    result = Rebuilt()
    schemas = _Schemas([schema_text, *reversed(memory.schemas)])
    with Ledger(path) as ledger, ledger.transaction() as transaction:
        transaction.name_root(root_id)
        transaction.reach("file", max(inventory.last_number, memory.last_number))
        transaction.reach("commit", max(commits, memory.commits))
        for series, first, last in memory.swept:
            transaction.sweep_range(series, first, last)
        transaction.note_adopted_orders(is_done=memory.knows_orders)
        transaction.restore_orders(memory.orders, remembered(root))
        for segment_name, offsets in memory.removals.items():
            transaction.remove_later(segment_name, offsets)
        # raw/ first: it says which bytes each record came from.
        for segment in read_segments(root, inventory):
            _enter_segment(transaction, result, segment)
        for file in sorted(inventory.files, key=lambda file: file.key.day):
            _enter_file(transaction, result, file, schemas.id_for(transaction, file))
            for _, _, facts in facts_of(root.path, file):
                if facts.kind is Kind.RECORD:
                    digest = inventory.digest_of(facts.arrival) or memory.digest_of(facts) or UNKNOWN_DIGEST
                    _enter_record(transaction, result, file, facts, digest)
                else:
                    _enter_refusal(transaction, result, file, facts)
        transaction.add(result.counts)
    return result


class _Schemas:
    """The schema of a file, by the number of its folders: the newest that has as many levels."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._by_levels: dict[int, str] = {}
        for text in texts:
            self._by_levels.setdefault(len(parse_schema(text).levels), text)
        self._first = texts[0]

    def id_for(self, transaction: Transaction, file: KnownFile) -> int:
        key = file.key
        levels = len(key.folders)
        if key.is_quarantine:
            return transaction.schema(self._first)
        if levels not in self._by_levels:
            dimensions = [{"field_name": f"level_{n}", "allowed_values": "*"} for n in range(1, levels + 1)]
            self._by_levels[levels] = json.dumps({"version": 1, "dimensions": dimensions}, sort_keys=True)
        return transaction.schema(self._by_levels[levels])


def _enter_segment(transaction: Transaction, result: Rebuilt, segment: ReadSegment) -> None:
    transaction.move_segment(segment.name, segment.position)
    result.read_segments += 1
    result.counts.update(segment.damage)
    for item in segment.unjudged:
        result.unjudged += 1
        result.counts[item.day, Entry.RECEIVED, ""] += 1
        transaction.wait(
            _id_bytes(item.document_id),
            segment=segment.name,
            offset=item.span.offset,
            length=item.span.length_bytes,
            day=item.day,
            revision=UNJUDGED,
            since=int(utc_now().timestamp()),
        )


def _enter_file(transaction: Transaction, result: Rebuilt, file: KnownFile, schema_id: int) -> None:
    result.files += 1
    # Closed: nothing is appended to a file that this ledger did not see written.
    stored = StoredFile(
        file.key.directory,
        file.found.path.rpartition("/")[2],
        file.length,
        file.lines,
        file.frames,
        closed=True,
        schema_id=schema_id,
    )
    transaction.put_file(stored)


def _enter_record(
    transaction: Transaction, result: Rebuilt, file: KnownFile, facts: LineFacts, digest: int
) -> None:
    assert facts.document_id is not None
    key = file.key
    result.stored += 1
    result.counts[key.day, Entry.RECEIVED, ""] += 1
    result.counts[key.day, Entry.STORED, ""] += 1
    transaction.remember_latest(
        facts.document_id,
        facts.namespace,
        facts.doctype,
        digest=digest,
        day=key.day,
        directory=key.directory,
    )


def _enter_refusal(transaction: Transaction, result: Rebuilt, file: KnownFile, facts: LineFacts) -> None:
    counts, day, reason = result.counts, file.key.day, file.key.reason
    if facts.kind is Kind.HISTOGRAM:
        counts[day, Entry.HISTOGRAM_DROPPED, reason] += facts.histograms
        return
    counts[day, Entry.RECEIVED, ""] += 1
    is_conflict = facts.kind is Kind.CONFLICT
    if is_conflict:
        result.conflicts += 1
        counts[day, Entry.DUPLICATE, ""] += 1
        counts[day, Entry.CONFLICT, ""] += 1
    else:
        result.quarantined += 1
        counts[day, Entry.QUARANTINED, reason] += 1
    if facts.document_id is not None:
        transaction.refuse(
            facts.document_id,
            received_at=facts.received_at,
            outcome="duplicate" if is_conflict else "quarantined",
            reason=facts.reason,
            detail=facts.detail,
        )


def _id_bytes(text: str | None) -> bytes | None:
    try:
        return None if text is None else UUID(text).bytes
    except ValueError:
        return None
