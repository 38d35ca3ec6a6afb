"""Enters the results of a round in the ledger: counts, remembered ids, pending pings and refusals."""

from datetime import datetime

from histogram_specs.revision import Revision
from storage.ledger.transaction import Transaction
from storage.ledger.values import Counts, Entry
from telemetry_server.coordinator.work_items import (
    AwaitingResult,
    DamagedResult,
    DeletedResult,
    DuplicateResult,
    Item,
    ItemResult,
    QuarantinedItem,
    RawItem,
    RefusedResult,
    StoredResult,
)
from telemetry_server.outcomes.quarantine_line import CONFLICT


def enter_result(
    transaction: Transaction, counts: Counts, item: Item, result: ItemResult, now: datetime
) -> None:
    """
    Enter the result of one item.

    Args:
        counts: Increased by what the result adds to the ledger's counts.
        now: The clock by which remembered ids and waits expire.
    """
    if isinstance(result, DamagedResult):
        _enter_damaged(counts, item, result)
        return
    _enter_origin(transaction, counts, item, result)
    match result:
        case StoredResult():
            _enter_stored(transaction, counts, result, now)
        case DuplicateResult():
            counts[result.day, Entry.DUPLICATE, ""] += 1
            counts[result.day, Entry.CONFLICT, ""] += result.is_conflict
            reason = CONFLICT if result.is_conflict else ""
            _enter_refusal(transaction, result, "duplicate", reason)
        case RefusedResult():
            counts[result.day, Entry.QUARANTINED, result.reason] += 1
            _enter_refusal(transaction, result, "quarantined", result.reason)
        case AwaitingResult():
            _enter_awaiting(transaction, item, result, now)
        case DeletedResult():
            counts[result.day, Entry.DELETED, ""] += 1
            if isinstance(item, RawItem):
                transaction.remove_later(item.segment, [item.offset])
            if result.document is not None:
                transaction.forget_document(result.document, result.hash)
    if not isinstance(result, AwaitingResult | DeletedResult):
        for name, count in result.notes.items():
            counts[result.day, Entry.NOTE, name] += count


def _enter_damaged(counts: Counts, item: Item, result: DamagedResult) -> None:
    assert isinstance(item, RawItem)
    day = item.segment.partition("/")[0]
    counts[day, Entry.DAMAGED_RECORDS, ""] += 1
    counts[day, Entry.DAMAGED_BYTES, ""] += result.length


def _enter_origin(
    transaction: Transaction,
    counts: Counts,
    item: Item,
    result: StoredResult | DuplicateResult | RefusedResult | AwaitingResult | DeletedResult,
) -> None:
    """Move the item out of the place where the ledger counted it so far."""
    if isinstance(item, QuarantinedItem):
        counts[result.day, Entry.QUARANTINED, item.reason] -= 1
    elif item.pending_id is None:
        counts[result.day, Entry.RECEIVED, ""] += 1
    elif not isinstance(result, AwaitingResult):
        transaction.stop_waiting(item.pending_id)


def _enter_stored(transaction: Transaction, counts: Counts, result: StoredResult, now: datetime) -> None:
    day = result.day
    transaction.remember(
        result.document_id,
        result.namespace,
        result.doctype,
        digest=result.digest,
        day=max(day, f"{now:%Y%m%d}"),
        directory=result.directory,
    )
    counts[day, Entry.STORED, ""] += 1
    counts[day, Entry.HISTOGRAM_KEPT, ""] += result.histograms_kept
    for reason, count in result.dropped.items():
        counts[day, Entry.HISTOGRAM_DROPPED, reason] += count


def _enter_refusal(
    transaction: Transaction, result: DuplicateResult | RefusedResult, outcome: str, reason: str
) -> None:
    if result.document_id is not None:
        transaction.refuse(
            result.document_id,
            received_at=result.received_at,
            outcome=outcome,
            reason=reason,
            detail=result.detail,
        )


def _enter_awaiting(transaction: Transaction, item: Item, result: AwaitingResult, now: datetime) -> None:
    """Add the item to the pending pings; a replayed item stays in quarantine meanwhile."""
    if isinstance(item, QuarantinedItem):
        return
    revision = revision_key(result.revision)
    if item.pending_id is not None:
        transaction.wait_for(item.pending_id, revision)
        return
    transaction.wait(
        result.document_id,
        segment=item.segment,
        offset=item.offset,
        length=item.length,
        day=result.day,
        revision=revision,
        since=int(now.timestamp()),
    )


def revision_key(revision: Revision) -> str:
    """Return a revision in the form that the ledger stores."""
    return f"{revision.repository}/rev/{revision.changeset}"


def revision_of(key: str) -> Revision:
    """Return the revision that `revision_key` made *key* of."""
    repository, _, changeset = key.rpartition("/rev/")
    return Revision(repository, changeset)
